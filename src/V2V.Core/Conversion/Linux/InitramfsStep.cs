using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Gives every initramfs the virtio drivers it lacks, as one more archive at its end, and the names to initramfs-tools or dracut, so that the guest's own
/// next rebuild keeps them. A kernel without any virtio driver stays as it is.
/// </summary>
internal sealed class InitramfsStep : ConversionStep
{
    private const string ModulesFile = "/etc/initramfs-tools/modules";
    private const string DracutDirectory = "/etc/dracut.conf.d";
    private const string KeepReason = "The guest's own rebuilds of the initramfs keep the virtio drivers.";

    internal override string Name => "Initramfs";

    internal override int Order => 800;

    internal override void Apply(ConversionContext context)
    {
        foreach (KernelInfo kernel in context.Inspection.Kernels)
        {
            context.Observer.CancellationToken.ThrowIfCancellationRequested();
            Extend(context, kernel);
        }

        NameModules(context);
    }

    private static void Extend(ConversionContext context, KernelInfo kernel)
    {
        if (kernel.InitramfsPath is null || !context.Tree.FileExists(kernel.InitramfsPath))
        {
            WarnWithout(context, kernel, "has no initramfs", kernel.BuiltIn.Contains("virtio_blk") || kernel.BuiltIn.Contains("virtio_scsi"));
            return;
        }

        bool hasDriver = kernel.HasVirtioBlk || kernel.HasVirtioScsi;
        if (!hasDriver)
        {
            context.Warn($"The kernel {kernel.Version} has no virtio disk driver; it will not find its root on a virtio disk.");
        }

        ModuleDependencies? modules = hasDriver && kernel.ModulesPath is { } directory ? ModuleDependencies.Read(context.Tree, directory) : null;
        List<string> missing = modules is null ? [] : InitramfsSegment.FindMissing(kernel, modules);
        if (!missing.Any(m => InitramfsSegment.DiskModules.Contains(m)))
        {
            missing = [];
        }

        if (missing.Count == 0 && context.InitramfsFiles.Count == 0)
        {
            return;
        }

        ReadOnlyMemory<byte> archive = InitramfsSegment.Build(context.Tree, kernel, modules, missing, context.InitramfsFiles, context.Observer.CancellationToken);
        byte[] framed = InitramfsAppender.Frame(context.Tree, kernel, archive.Span, context.Observer.CancellationToken);
        SpaceStep.RequireSpace(context, kernel.InitramfsPath, framed.Length);
        context.Editor.Append(kernel.InitramfsPath, framed, Reason(missing, context.InitramfsFiles.Keys));
        context.FirstBoot.RebuildInitramfs = true;
    }

    private static string Reason(List<string> missing, IEnumerable<string> files)
    {
        string modules = missing.Count > 0 ? $"The initramfs lacks virtio; added: {string.Join(", ", missing)}. " : "";
        string settings = string.Join(", ", files);
        return (modules + (settings.Length > 0 ? $"Settings for the new machine: {settings}." : "")).TrimEnd();
    }

    private static void WarnWithout(ConversionContext context, KernelInfo kernel, string what, bool isHarmless)
    {
        if (!isHarmless && kernel.Modules.Count > 0)
        {
            context.Warn($"The kernel {kernel.Version} {what}; it will not find its root unless its drivers are compiled in.");
        }
    }

    private static void NameModules(ConversionContext context)
    {
        if (context.Drivers.Boot is not { } kernel || !context.Drivers.HasVirtioDisk)
        {
            return;
        }

        string[] wanted = [.. InitramfsSegment.DiskModules.Concat(InitramfsSegment.NetModules).Where(m => kernel.Modules.Contains(m) && !kernel.BuiltIn.Contains(m))];
        if (context.Tree.DirectoryExists(DracutDirectory) && wanted.Length > 0)
        {
            context.Editor.WriteText(DracutDirectory + "/v2v.conf", $"# By V2V: the machine's disks and network cards are virtio now.\nadd_drivers+=\" {string.Join(' ', wanted)} \"\n", KeepReason);
        }

        if (context.Tree.DirectoryExists("/etc/initramfs-tools"))
        {
            NameForInitramfsTools(context, wanted);
        }
    }

    private static void NameForInitramfsTools(ConversionContext context, string[] wanted)
    {
        string text = context.Editor.ReadText(ModulesFile) ?? "";
        HashSet<string> present = [.. text.Split('\n').Select(l => TextLines.Words(l).FirstOrDefault("").Replace('-', '_'))];
        string[] added = [.. wanted.Where(m => !present.Contains(m))];
        if (added.Length > 0)
        {
            context.Editor.WriteText(
                ModulesFile, TextLines.Append(text, ["# Added by V2V: the machine's disks and network cards are virtio now.", .. added]),
                KeepReason);
        }
    }
}
