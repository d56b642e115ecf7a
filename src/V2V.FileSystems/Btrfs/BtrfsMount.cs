using V2V.FileSystems.Btrfs.Log;
using V2V.FileSystems.Btrfs.Storage;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>What happens between finding a superblock and using the file system: devices, refusals and the log.</summary>
internal static class BtrfsMount
{
    public static BtrfsVolume Open(BlockDevice device, bool writable, IEnumerable<BlockDevice> candidates)
    {
        DeviceSet devices = DeviceSet.Assemble(device, candidates);
        bool hasLog = devices.Super.LogRoot != 0;
        if (hasLog && !writable)
        {
            // What was synced must be seen, but the devices stay as they are.
            devices = devices.Replace(d => new CopyOnWriteDevice(d));
        }

        var volume = new BtrfsVolume(devices);
        if (writable)
        {
            volume.CheckWritable();
        }

        if (hasLog)
        {
            volume.CheckWritable();
            LogReplay.Run(volume);
        }

        return volume;
    }
}
