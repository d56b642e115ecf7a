using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Lvm;

/// <summary>dm-raid's superblock: the start of an image's metadata volume (struct dm_raid_superblock of Linux' dm-raid.c).</summary>
/// <param name="Events">Grows with each change of state; images that are behind are out of date.</param>
/// <param name="FailedDevices">One bit for each image that failed.</param>
/// <param name="RecoveryOffset">Sectors of the image that were rebuilt; all ones if all of it is right.</param>
/// <param name="IsReshaping">True while the array changes its shape.</param>
internal sealed record DmRaidSuperblock(ulong Events, ulong FailedDevices, ulong RecoveryOffset, bool IsReshaping)
{
    private const int Size = 96;

    /// <summary>Reads it; null where none was written yet.</summary>
    internal static DmRaidSuperblock? TryRead(BlockDevice device)
    {
        Span<byte> super = stackalloc byte[Size];
        if (device.Length < Size)
        {
            return null;
        }

        device.Read(0, super);
        if (!super.StartsWith("DmRd"u8))
        {
            return null;
        }

        // The fields from 60 on came with dm-raid 1.9 and are announced by a compatible feature.
        bool hasReshape = (BinaryPrimitives.ReadUInt32LittleEndian(super[4..]) & 1) != 0;
        return new DmRaidSuperblock(
            BinaryPrimitives.ReadUInt64LittleEndian(super[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(super[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(super[32..]),
            hasReshape && (BinaryPrimitives.ReadUInt32LittleEndian(super[60..]) & 1) != 0);
    }
}
