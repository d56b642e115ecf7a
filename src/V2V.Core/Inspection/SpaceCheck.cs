using V2V.Core.Guest;

namespace V2V.Core.Inspection;

/// <summary>Whether the guest's file systems have room for what a conversion adds.</summary>
internal static class SpaceCheck
{
    private const long BytesForRoot = 4 << 20;
    private const long BytesForInitramfs = 4 << 20;
    private const long InodesForRoot = 32;

    internal static void Check(GuestTree tree, IReadOnlyList<KernelInfo> kernels, List<BlockerInfo> blockers, InspectionContext context)
    {
        foreach (GuestMount mount in tree.Mounts)
        {
            KernelInfo[] here = [.. kernels.Where(k => k.InitramfsPath is not null && tree.TryGetEntry(k.InitramfsPath) is not null
                && tree.Locate(k.InitramfsPath).Mount == mount)];
            long needed = (mount.MountPoint == "/" ? BytesForRoot : 0) + (here.Count(k => !k.InitramfsHasVirtio) * BytesForInitramfs);
            if (mount.FileSystem.FreeBytes < needed)
            {
                blockers.Add(Blockers.NoFreeSpace(mount.MountPoint, mount.FileSystem.FreeBytes, needed));
            }
            else if (here.Select(k => tree.TryGetEntry(k.InitramfsPath!)!.Length).DefaultIfEmpty().Max() is var largest && mount.FileSystem.FreeBytes < needed + largest)
            {
                context.Warn(FormattableString.Invariant(
                    $"{mount.MountPoint} has {mount.FileSystem.FreeBytes >> 20} MiB free: too little for the guest to rebuild its initramfs ({largest >> 20} MiB) after the conversion."));
            }

            if (mount.MountPoint == "/" && mount.FileSystem.FreeInodes < InodesForRoot)
            {
                blockers.Add(Blockers.NoFreeInodes(mount.MountPoint, mount.FileSystem.FreeInodes));
            }
        }
    }
}
