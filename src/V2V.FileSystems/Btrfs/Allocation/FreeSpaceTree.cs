using V2V.FileSystems.Btrfs.Storage;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>
/// The free space tree (On-disk Format, "Free space tree"), kept in step with the extent tree: for each block group either an item for each
/// free range or bitmaps. Where the file system has none, or an invalid one, which the kernel makes anew, nothing is done.
/// </summary>
internal sealed class FreeSpaceTree(BtrfsVolume volume)
{
    private const int BitmapBytes = 256;
    private const uint FlagBitmaps = 1;

    private readonly BtrfsTree? _tree = volume.Super.Has(BtrfsRoCompat.FreeSpaceTree) && volume.Super.Has(BtrfsRoCompat.FreeSpaceTreeValid)
        ? volume.FindTree(ObjectIds.FreeSpaceTree) : null;

    private long BitmapRange => (long)BitmapBytes * 8 * volume.SectorSize;

    /// <summary>Adds the items of a new chunk.</summary>
    public void AddGroup(Chunk chunk)
    {
        if (_tree is not null)
        {
            var info = new byte[8];
            Le.Set32(info, 0, 1);
            _tree.Insert(new BtrfsKey((ulong)chunk.Start, ItemType.FreeSpaceInfo, (ulong)chunk.Length), info);
            _tree.Insert(Extent(chunk.Start, chunk.End), []);
        }
    }

    /// <summary>A range is in use now.</summary>
    public void Take(long address, long length)
    {
        if (_tree is null)
        {
            return;
        }

        (BtrfsKey key, byte[] info) = FindInfo(address, out Chunk chunk);
        long end = address + length;
        if ((Le.U32(info, 4) & FlagBitmaps) != 0)
        {
            int change = -1 + (IsFree(chunk, address - volume.SectorSize) ? 1 : 0) + (IsFree(chunk, end) ? 1 : 0);
            SetBits(chunk, address, end, false);
            SetCount(key, info, change);
            return;
        }

        (long start, long stop) = FindExtent(address) is { } found && found.End >= end ? found
            : throw BtrfsErrors.Extents(FormattableString.Invariant($"the free space tree does not know that {address} is free"));
        _tree.Delete(Extent(start, stop));
        int added = -1;
        if (start < address)
        {
            _tree.Insert(Extent(start, address), []);
            added++;
        }

        if (end < stop)
        {
            _tree.Insert(Extent(end, stop), []);
            added++;
        }

        SetCount(key, info, added);
    }

    /// <summary>A range is free now.</summary>
    public void Give(long address, long length)
    {
        if (_tree is null)
        {
            return;
        }

        (BtrfsKey key, byte[] info) = FindInfo(address, out Chunk chunk);
        long end = address + length;
        if ((Le.U32(info, 4) & FlagBitmaps) != 0)
        {
            int change = 1 - (IsFree(chunk, address - volume.SectorSize) ? 1 : 0) - (IsFree(chunk, end) ? 1 : 0);
            SetBits(chunk, address, end, true);
            SetCount(key, info, change);
            return;
        }

        int added = 1;
        long start = address;
        long stop = end;
        if (address > chunk.Start && FindExtent(address - 1) is { } before && before.End == address)
        {
            _tree.Delete(Extent(before.Start, before.End));
            start = before.Start;
            added--;
        }

        if (end < chunk.End && FindExtent(end) is { } after && after.Start == end)
        {
            _tree.Delete(Extent(after.Start, after.End));
            stop = after.End;
            added--;
        }

        _tree.Insert(Extent(start, stop), []);
        SetCount(key, info, added);
    }

    private static BtrfsKey Extent(long start, long end) => new((ulong)start, ItemType.FreeSpaceExtent, (ulong)(end - start));

    private (BtrfsKey Key, byte[] Info) FindInfo(long address, out Chunk chunk)
    {
        chunk = volume.Groups.Find(address).Chunk;
        var key = new BtrfsKey((ulong)chunk.Start, ItemType.FreeSpaceInfo, (ulong)chunk.Length);
        Span<byte> info = _tree!.Find(key);
        return info.Length >= 8 ? (key, info.ToArray()) : throw BtrfsErrors.Extents(FormattableString.Invariant($"the free space tree does not know the block group at {chunk.Start}"));
    }

    private void SetCount(BtrfsKey key, byte[] info, int change)
    {
        Le.Set32(info, 0, (uint)(Le.U32(info, 0) + change));
        _tree!.Set(key, info);
    }

    /// <summary>The free range that holds an address, or null.</summary>
    private (long Start, long End)? FindExtent(long address)
    {
        var path = new TreePath();
        if (!_tree!.Search(new BtrfsKey((ulong)address, byte.MaxValue, ulong.MaxValue), path) && !_tree.Previous(path))
        {
            return null;
        }

        if (!path.HasItem || path.Key.Type != ItemType.FreeSpaceExtent)
        {
            return null;
        }

        (long start, long end) = ((long)path.Key.ObjectId, (long)(path.Key.ObjectId + path.Key.Offset));
        return address < end ? (start, end) : null;
    }

    private bool IsFree(Chunk chunk, long address)
    {
        if (address < chunk.Start || address >= chunk.End || FindBitmap(address) is not { } bitmap)
        {
            return false;
        }

        long bit = (address - bitmap.Start) / volume.SectorSize;
        return (_tree!.Find(bitmap.Key)[(int)(bit / 8)] & (1 << (int)(bit % 8))) != 0;
    }

    private void SetBits(Chunk chunk, long from, long to, bool isFree)
    {
        while (from < to)
        {
            if (from >= chunk.End || FindBitmap(from) is not { } bitmap)
            {
                throw BtrfsErrors.Extents(FormattableString.Invariant($"the free space tree has no bitmap for {from}"));
            }

            byte[] bits = _tree!.Find(bitmap.Key).ToArray();
            long end = Math.Min(to, bitmap.Start + (long)bitmap.Key.Offset);
            for (; from < end; from += volume.SectorSize)
            {
                long bit = (from - bitmap.Start) / volume.SectorSize;
                byte mask = (byte)(1 << (int)(bit % 8));
                bits[bit / 8] = (byte)(isFree ? bits[bit / 8] | mask : bits[bit / 8] & ~mask);
            }

            _tree.Set(bitmap.Key, bits);
        }
    }

    private (BtrfsKey Key, long Start)? FindBitmap(long address)
    {
        var path = new TreePath();
        if (!_tree!.Search(new BtrfsKey((ulong)address, byte.MaxValue, ulong.MaxValue), path) && !_tree.Previous(path))
        {
            return null;
        }

        bool isValid = path.HasItem && path.Key.Type == ItemType.FreeSpaceBitmap && (ulong)address - path.Key.ObjectId < path.Key.Offset
            && path.Key.Offset <= (ulong)BitmapRange && (ulong)path.Item.Length * 8 * (ulong)volume.SectorSize >= path.Key.Offset;
        return isValid ? (path.Key, (long)path.Key.ObjectId) : null;
    }
}
