using V2V.Core.Guest;
using V2V.FileSystems;

namespace V2V.Core.Inspection.Volumes;

/// <summary>
/// Chooses what to look at in a file system that can be mounted in several ways: the subvolume of a Btrfs that is a root and whose own
/// fstab agrees; else the first that is a root; else what a mount without options shows.
/// </summary>
internal static class SubvolumeChoice
{
    internal static VolumeReport Choose(VolumeInfo info, GuestFileSystem fileSystem)
    {
        VolumeReport? first = null;
        VolumeReport? root = null;
        foreach (string options in fileSystem.GetRootCandidates())
        {
            var tree = new GuestTree(new GuestMount("/", fileSystem.GetMount(options)));
            var report = new VolumeReport(info, FileSystemClassifier.Classify(tree), tree, null, options);
            first ??= report;
            if (report.Role is FileSystemRole.LinuxRoot or FileSystemRole.CoreOsRoot)
            {
                root ??= report;
                if (AgreesWithFstab(tree, fileSystem))
                {
                    return report;
                }
            }
        }

        return root ?? first!;
    }

    /// <summary>True if the line of the root in the fstab of a tree mounts this very subvolume, or if there is none.</summary>
    private static bool AgreesWithFstab(GuestTree tree, GuestFileSystem fileSystem)
    {
        try
        {
            FstabLine? line = tree.FileExists("/etc/fstab")
                ? FstabLine.Parse(tree.ReadLines("/etc/fstab")).FirstOrDefault(l => l.MountPoint == "/")
                : null;
            return line is null || IsSame(fileSystem.GetMount(line.Options), tree.Mounts[0].FileSystem);
        }
        catch (Storage.V2VException)
        {
            return false;
        }
    }

    private static bool IsSame(GuestFileSystem one, GuestFileSystem other) =>
        one == other || (one is V2V.FileSystems.Btrfs.BtrfsFileSystem a && other is V2V.FileSystems.Btrfs.BtrfsFileSystem b && a.SubvolumePath == b.SubvolumePath);
}
