using System.Numerics;

namespace V2V.Registry.Logs;

/// <summary>
/// Logs up to Windows 8: "DIRT", a bit for each sector of 512 bytes of the bins, then, at the next sector, the sectors whose bits are set.
/// </summary>
internal static class DirtyVector
{
    private const int Sector = 512;
    private const int BitmapOffset = BaseBlock.Sector + 4;

    public static HiveRecovery Apply(HivePages pages, BaseBlock block, Stream log, BaseBlock copy)
    {
        if (copy.PrimarySequence != copy.SecondarySequence || copy.PrimarySequence < block.SecondarySequence || copy.BinsSize is 0 or > int.MaxValue
            || copy.BinsSize % BaseBlock.Size != 0)
        {
            return Unusable("the log belongs to another state of the hive.");
        }

        byte[] bitmap = new byte[4 + (copy.BinsSize / Sector / 8)];
        log.Position = BaseBlock.Sector;
        if (log.ReadAtLeast(bitmap, bitmap.Length, throwOnEndOfStream: false) < bitmap.Length || !bitmap.AsSpan().StartsWith("DIRT"u8))
        {
            return Unusable("the log is damaged.");
        }

        long count = 0;
        foreach (byte bits in bitmap.AsSpan(4))
        {
            count += BitOperations.PopCount(bits);
        }

        long data = (BitmapOffset + (bitmap.Length - 4) + Sector - 1) / Sector * Sector;
        if (count == 0 || data + (count * Sector) > log.Length)
        {
            return Unusable("the log is cut short.");
        }

        byte[] sector = new byte[Sector];
        log.Position = data;
        for (int index = 0; index < (bitmap.Length - 4) * 8; index++)
        {
            if ((bitmap[4 + (index >> 3)] & (1 << (index & 7))) != 0)
            {
                log.ReadExactly(sector);
                pages.Write(BaseBlock.Size + ((long)index * Sector), sector);
            }
        }

        block.BinsSize = copy.BinsSize;
        block.PrimarySequence = copy.PrimarySequence;
        block.SecondarySequence = copy.PrimarySequence;
        return new HiveRecovery(HiveState.Recovered, 1, (int)count, "");
    }

    private static HiveRecovery Unusable(string reason) => new(HiveState.Dirty, 0, 0, reason);
}
