using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Gives every initramfs the virtio drivers it lacks, as one more archive at its end, and the names to the tools that build it, so that the guest's own
/// next rebuild keeps them. A kernel without any virtio driver stays as it is.
/// </summary>
internal sealed class InitramfsStep : ConversionStep
{
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
        if (kernel.IsUnified)
        {
            // DefaultKernelStep says what that means for the machine.
            context.FirstBoot.RebuildInitramfs |= !kernel.InitramfsHasVirtio;
            return;
        }

        if (kernel.InitramfsPath is null || !context.Tree.FileExists(kernel.InitramfsPath))
        {
            WarnWithout(context, kernel, "has no initramfs", kernel.BuiltIn.Contains("virtio_blk") || kernel.BuiltIn.Contains("virtio_scsi"));
            return;
        }

        if (kernel.InitramfsIsFileSystem)
        {
            context.Warn($"The initrd {kernel.InitramfsPath} is the image of a file system; no driver can be added to it, so the kernel {kernel.Version} starts from {BlockBus.Sata} or {BlockBus.Ide} only.");
            return;
        }

        bool hasDriver = kernel.HasVirtioBlk || kernel.HasVirtioScsi;
        if (!hasDriver && !kernel.InitramfsHasVirtio)
        {
            context.Warn($"The kernel {kernel.Version} has no virtio disk driver; it will not find its root on a virtio disk.");
        }

        List<string> missing;
        byte[] framed;
        try
        {
            (missing, framed) = Make(context, kernel, hasDriver);
        }
        catch (V2VException e) when (kernel != context.Drivers.Boot)
        {
            // What is left of a kernel that the guest does not start is no reason to refuse the guest.
            context.Warn($"The initramfs of the kernel {kernel.Version} gets no drivers; that kernel will not find its root on a virtio disk. {e.Message}");
            return;
        }

        if (framed.Length > 0)
        {
            SpaceStep.RequireSpace(context, kernel.InitramfsPath, framed.Length);
            context.Editor.Append(kernel.InitramfsPath, framed, Reason(missing, context.InitramfsFiles.Keys));
            context.FirstBoot.RebuildInitramfs = true;
        }
    }

    /// <summary>The modules that an initramfs lacks, and what to append to it; nothing if it needs nothing.</summary>
    private static (List<string> Missing, byte[] Framed) Make(ConversionContext context, KernelInfo kernel, bool hasDriver)
    {
        ModuleDependencies? modules = hasDriver && kernel.ModulesPath is { } directory ? ModuleDependencies.Read(context.Tree, directory) : null;
        ListedModules? lists = modules is null ? null : ListedModules.Read(context, kernel);
        List<string> missing = modules is null ? [] : lists is { IsFlat: true } ? lists.FindMissing(kernel, modules) : InitramfsSegment.FindMissing(kernel, modules);
        if (!missing.Any(m => InitramfsSegment.DiskModules.Contains(m)))
        {
            missing = [];
        }

        if (missing.Count == 0 && context.InitramfsFiles.Count == 0)
        {
            return (missing, []);
        }

        ReadOnlyMemory<byte> archive = InitramfsSegment.Build(context.Tree, kernel, modules, missing, context.InitramfsFiles, lists, context.Warn, context.Observer.CancellationToken);
        return (missing, InitramfsAppender.Frame(context.Tree, kernel, archive.Span, context.Observer.CancellationToken));
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
        if (context.Drivers.Boot is { } kernel && (context.Drivers.HasVirtioDisk || kernel.IsUnified))
        {
            InitramfsSettings.Write(
                context, [.. InitramfsSegment.DiskModules.Concat(InitramfsSegment.NetModules).Where(m => kernel.Modules.Contains(m) && !kernel.BuiltIn.Contains(m))]);
        }
    }
}
