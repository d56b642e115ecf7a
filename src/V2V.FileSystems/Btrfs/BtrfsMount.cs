using V2V.FileSystems.Btrfs.Storage;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>What happens between finding a superblock and using the file system: devices, refusals and the log.</summary>
internal static class BtrfsMount
{
    public static BtrfsVolume Open(BlockDevice device, bool writable, IEnumerable<BlockDevice> candidates)
    {
        DeviceSet devices = DeviceSet.Assemble(device, candidates);
        var volume = new BtrfsVolume(devices);
        if (writable)
        {
            volume.CheckWritable();
        }

        if (devices.Super.LogRoot != 0)
        {
            throw BtrfsErrors.Feature("a log that was not replayed");
        }

        return volume;
    }
}
