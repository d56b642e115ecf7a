using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>Adds the checksums of new data and deletes those of freed data.</summary>
internal sealed partial class DataChecksums
{
    private const ulong Sums = ObjectIds.ExtentChecksums;

    /// <summary>Adds the checksums of whole sectors at an address that has none.</summary>
    public void Add(long address, ReadOnlySpan<byte> data)
    {
        int sector = volume.SectorSize;
        int size = BtrfsChecksum.SizeOf(volume.Super.ChecksumType);

        // Half a leaf at most, so that items can be split and moved.
        int most = (volume.NodeSize - TreeBlock.HeaderSize) / 2 / size;
        Span<byte> sum = stackalloc byte[32];
        while (!data.IsEmpty)
        {
            int count = Math.Min(most, data.Length / sector);
            var item = new byte[count * size];
            for (int i = 0; i < count; i++)
            {
                BtrfsChecksum.Compute(volume.Super.ChecksumType, data.Slice(i * sector, sector), sum);
                sum[..size].CopyTo(item.AsSpan(i * size));
            }

            volume.ChecksumTree.Insert(new BtrfsKey(Sums, ItemType.Checksums, (ulong)address), item);
            address += (long)count * sector;
            data = data[(count * sector)..];
        }
    }

    /// <summary>Puts ready checksums in the place of those that a range has.</summary>
    public void Replace(long address, byte[] sums)
    {
        int size = BtrfsChecksum.SizeOf(volume.Super.ChecksumType);
        int most = (volume.NodeSize - TreeBlock.HeaderSize) / 2 / size * size;
        Delete(address, (long)sums.Length / size * volume.SectorSize);
        for (int at = 0; at < sums.Length; at += most)
        {
            int length = Math.Min(most, sums.Length - at);
            volume.ChecksumTree.Insert(new BtrfsKey(Sums, ItemType.Checksums, (ulong)(address + ((long)at / size * volume.SectorSize))), sums.AsSpan(at, length));
        }
    }

    /// <summary>Deletes the checksums of a range; items that reach beyond it keep the rest.</summary>
    public void Delete(long address, long length)
    {
        int sector = volume.SectorSize;
        int size = BtrfsChecksum.SizeOf(volume.Super.ChecksumType);
        BtrfsTree tree = volume.ChecksumTree;
        long end = address + length;
        var path = new TreePath();
        while (FindItem(tree, path, address, size, sector) && (long)path.Key.Offset < end)
        {
            BtrfsKey key = path.Key;
            byte[] item = path.Item.ToArray();
            long start = (long)key.Offset;
            long stop = EndOf(path, size, sector);
            byte[] before = start < address ? item[..(int)((address - start) / sector * size)] : [];
            byte[] after = stop > end ? item[(int)((end - start) / sector * size)..] : [];
            if (before.Length > 0)
            {
                tree.Set(key, before);
            }
            else
            {
                tree.Delete(key);
            }

            if (after.Length > 0)
            {
                tree.Insert(key with { Offset = (ulong)end }, after);
            }

            address = Math.Min(end, stop);
            if (address >= end)
            {
                return;
            }
        }
    }
}
