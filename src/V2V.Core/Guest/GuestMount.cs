using V2V.Core.Inspection;
using V2V.FileSystems;

namespace V2V.Core.Guest;

/// <summary>A file system at its place in the guest's tree.</summary>
/// <param name="MountPoint">Real path of the mount point: <c>/</c>, <c>/boot/efi</c>.</param>
/// <param name="FileSystem">The file system.</param>
/// <param name="Info">The line of fstab and the device; null for a tree that was put together by hand.</param>
public sealed record GuestMount(string MountPoint, GuestFileSystem FileSystem, MountInfo? Info = null)
{
    /// <summary>The path in the tree of a path in the file system.</summary>
    public string ToTreePath(string innerPath) =>
        MountPoint == "/" ? innerPath : innerPath == "/" ? MountPoint : MountPoint + innerPath;
}

/// <summary>Where a path of the tree is: a mount, and the path in its file system.</summary>
/// <param name="Mount">The mount.</param>
/// <param name="InnerPath">Absolute path in the mount's file system.</param>
public readonly record struct GuestLocation(GuestMount Mount, string InnerPath)
{
    /// <summary>The file system.</summary>
    public GuestFileSystem FileSystem => Mount.FileSystem;

    /// <summary>Real path in the tree.</summary>
    public string TreePath => Mount.ToTreePath(InnerPath);
}
