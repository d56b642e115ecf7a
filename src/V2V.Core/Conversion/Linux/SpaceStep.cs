using V2V.Core.Conversion.Linux.FirstBoot;
using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Makes sure, before anything is changed, that the guest can be converted at all: its family, a package list, file systems that can be
/// written, and enough free bytes and inodes in each for what the steps and the first boot need.
/// </summary>
internal sealed class SpaceStep : ConversionStep
{
    /// <summary>What small files of all steps together need at most.</summary>
    private const long SmallFiles = 4L << 20;

    /// <summary>What the package manager needs at the first boot to remove and install a few packages.</summary>
    private const long PackageWork = 24L << 20;

    /// <summary>Files and directories that the steps create at most in one file system.</summary>
    private const long Inodes = 64;

    internal override string Name => "Space";

    internal override int Order => 100;

    internal override void Apply(ConversionContext context)
    {
        var bytes = new Dictionary<string, long>(StringComparer.Ordinal);
        Need(context, bytes, "/", SmallFiles + PackageWork);
        if (context.Options.GuestAgentPackage is { } package)
        {
            Need(context, bytes, FirstBootStep.Directory, new FileInfo(package).Length);
        }

        long largest = 0;
        foreach (KernelInfo kernel in context.Inspection.Kernels.Where(k => k.InitramfsPath is not null && context.Tree.FileExists(k.InitramfsPath)))
        {
            long segment = EstimateSegment(context, kernel);
            Need(context, bytes, kernel.InitramfsPath!, segment);
            largest = Math.Max(largest, context.Tree.TryGetEntry(kernel.InitramfsPath!)!.Length + segment);
        }

        if (context.Drivers.Boot?.InitramfsPath is { } initramfs && context.Tree.FileExists(initramfs))
        {
            WarnOfRebuild(context, context.Tree.Locate(initramfs).Mount, bytes, largest);
        }

        foreach ((string mount, long needed) in bytes)
        {
            Check(context.Tree.Locate(mount).Mount, needed);
        }
    }

    /// <summary>The guest boots without it, so what its own rebuild of the initramfs lacks is only worth a warning: it writes the new file beside the old one.</summary>
    private static void WarnOfRebuild(ConversionContext context, GuestMount mount, Dictionary<string, long> bytes, long initramfs)
    {
        if (mount.FileSystem.FreeBytes < bytes.GetValueOrDefault(mount.MountPoint) + initramfs)
        {
            context.Warn(FormattableString.Invariant(
                $"The guest's file system {mount.MountPoint} has too little space for its own rebuild of an initramfs ({initramfs >> 20} MiB); the appended drivers stay in use."));
        }
    }

    /// <summary>Checks the space for one file that is about to be written or to grow.</summary>
    internal static void RequireSpace(ConversionContext context, string path, long bytes) => Check(context.Tree.Locate(path).Mount, bytes);

    private static void Need(ConversionContext context, Dictionary<string, long> bytes, string path, long count)
    {
        string mount = Existing(context.Tree, path).Mount.MountPoint;
        bytes[mount] = bytes.GetValueOrDefault(mount) + count;
    }

    private static GuestLocation Existing(GuestTree tree, string path)
    {
        while (!tree.Exists(path))
        {
            path = GuestPath.GetParent(path);
        }

        return tree.Locate(path);
    }

    private static void Check(GuestMount mount, long bytes)
    {
        GuestFileSystem fileSystem = mount.FileSystem;
        string device = mount.Info?.Device ?? mount.MountPoint;
        if (fileSystem.FreeBytes < bytes)
        {
            throw new V2VException(
                "GuestSpaceLow", V2VErrorKind.NoSpace,
                FormattableString.Invariant($"The guest's file system {mount.MountPoint} has {fileSystem.FreeBytes >> 10} KiB free; the conversion needs {(bytes + 1023) >> 10} KiB."),
                device, $"Free some space in {mount.MountPoint} of the guest (old kernels in /boot are a good start) and export it again.");
        }

        if (fileSystem.FreeInodes < Inodes)
        {
            throw new V2VException(
                "GuestInodesLow", V2VErrorKind.NoSpace,
                FormattableString.Invariant($"The guest's file system {mount.MountPoint} has {fileSystem.FreeInodes} free inodes; the conversion needs {Inodes}."),
                device, $"Delete some files in {mount.MountPoint} of the guest and export it again.");
        }
    }

    /// <summary>Modules at their plain size (a compressed one grows at most by a factor of 6), and 8 % for the index files.</summary>
    private static long EstimateSegment(ConversionContext context, KernelInfo kernel)
    {
        if (kernel.ModulesPath is null || !(kernel.HasVirtioBlk || kernel.HasVirtioScsi))
        {
            return 0;
        }

        ModuleDependencies modules;
        try
        {
            modules = ModuleDependencies.Read(context.Tree, kernel.ModulesPath);
        }
        catch (V2VException) when (kernel != context.Drivers.Boot)
        {
            // InitramfsStep says so.
            return 0;
        }

        long size = 0;
        foreach (ModuleLine line in InitramfsSegment.FindMissing(kernel, modules).Select(n => modules.Find(n)!))
        {
            long stored = context.Tree.TryGetEntry(kernel.ModulesPath + "/" + line.Path)?.Length ?? 0;
            size += ModuleFile.Compression(line.Path) is null ? stored : stored * 6;
        }

        return size + (size / 12) + (2048L * kernel.InitramfsModules.Count) + (64 << 10);
    }
}
