using V2V.FileSystems.Xfs.Log;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>What happens between finding a superblock and using the file system: refusals, the log, and unlinked inodes.</summary>
internal static class XfsMount
{
    /// <summary>sb_qflags: the counts of user, group and project quota are right.</summary>
    private const int QuotaChecked = 4 | 0x20 | 0x100 | 0x400;

    public static XfsVolume Open(BlockDevice device, bool writable)
    {
        XfsSuperblock super = XfsSuperblock.Read(device);
        if (writable)
        {
            if (!device.CanWrite)
            {
                throw new V2VException("FileSystemReadOnly", V2VErrorKind.InvalidState, "The device is open for reading only.", super.DisplayName);
            }

            XfsFeatures.CheckWritable(super);
        }

        if (!XfsLog.IsClean(device, super))
        {
            device = writable ? device : new CopyOnWriteDevice(device);
            super = LogRecovery.Recover(device, super);
        }

        var volume = new XfsVolume(device, super);
        if (writable)
        {
            volume.Recount();
            UnlinkedList.Process(volume);
            if ((super.QuotaFlags & QuotaChecked) != 0)
            {
                // Quota is not kept up here: without these flags the kernel counts anew at the next mount.
                super.QuotaFlags &= ~QuotaChecked;
                volume.SuperDirty = true;
            }
        }

        return volume;
    }
}
