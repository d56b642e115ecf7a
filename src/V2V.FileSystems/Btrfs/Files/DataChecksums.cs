using System.Buffers;
using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>
/// Reads file data and checks it against the checksum tree (On-disk Format, "EXTENT_CSUM"): each item holds the checksums of neighbouring
/// sectors. A sector that fails is read in the next way that the chunk offers. Sectors without a checksum are taken as they are.
/// </summary>
internal sealed partial class DataChecksums(BtrfsVolume volume)
{
    private const int MaxPiece = 256 << 10;

    /// <summary>Reads a range of logical addresses.</summary>
    /// <param name="address">First byte; any.</param>
    /// <param name="target">Takes the data.</param>
    /// <exception cref="V2VException"><c>BtrfsChecksumMismatch</c>, <c>BtrfsDeviceMissing</c>.</exception>
    public void Read(long address, Span<byte> target)
    {
        int sector = volume.SectorSize;
        byte[]? rented = null;
        try
        {
            while (!target.IsEmpty)
            {
                int within = (int)(address % sector);
                int length = Math.Min(target.Length, MaxPiece - within);
                if (within == 0 && length >= sector)
                {
                    length -= length % sector;
                    ReadSectors(address, target[..length]);
                }
                else
                {
                    length = Math.Min(length, sector - within);
                    rented ??= ArrayPool<byte>.Shared.Rent(sector);
                    ReadSectors(address - within, rented.AsSpan(0, sector));
                    rented.AsSpan(within, length).CopyTo(target);
                }

                address += length;
                target = target[length..];
            }
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    private void ReadSectors(long address, Span<byte> target)
    {
        int sector = volume.SectorSize;
        int ways = volume.Chunks.WaysToRead(address);
        bool isRead = volume.Chunks.TryRead(address, target, 0);
        int size = BtrfsChecksum.SizeOf(volume.Super.ChecksumType);
        Span<byte> sum = stackalloc byte[32];
        BtrfsTree tree = volume.ChecksumTree;
        var path = new TreePath();
        bool found = false;
        for (int at = 0; at < target.Length; at += sector)
        {
            Span<byte> piece = target.Slice(at, sector);
            long here = address + at;
            if (!found || here >= EndOf(path, size, sector))
            {
                found = FindItem(tree, path, here, size, sector);
            }

            ReadOnlySpan<byte> expected = found && here >= (long)path.Key.Offset
                ? path.Item.Slice((int)((here - (long)path.Key.Offset) / sector) * size, size)
                : [];
            if (isRead && Matches(piece, expected, sum))
            {
                continue;
            }

            bool isRepaired = false;
            for (int way = isRead ? 1 : 0; way < ways && !isRepaired; way++)
            {
                isRepaired = volume.Chunks.TryRead(here, piece, way) && Matches(piece, expected, sum);
            }

            if (!isRepaired)
            {
                throw volume.Chunks.Unreadable(here);
            }
        }
    }

    private bool Matches(ReadOnlySpan<byte> piece, ReadOnlySpan<byte> expected, Span<byte> sum)
    {
        if (expected.IsEmpty)
        {
            return true;
        }

        BtrfsChecksum.Compute(volume.Super.ChecksumType, piece, sum);
        return expected.SequenceEqual(sum[..expected.Length]);
    }

    /// <summary>Goes to the item that holds the checksum of an address, or else to the next one behind it.</summary>
    private static bool FindItem(BtrfsTree tree, TreePath path, long address, int size, int sector)
    {
        if (!tree.Search(new BtrfsKey(ObjectIds.ExtentChecksums, ItemType.Checksums, (ulong)address), path) && tree.Previous(path)
            && (!IsSums(path) || address >= EndOf(path, size, sector)))
        {
            path.Slot++;
        }

        return tree.Settle(path) && IsSums(path);
    }

    private static bool IsSums(TreePath path) =>
        path.Key is { ObjectId: ObjectIds.ExtentChecksums, Type: ItemType.Checksums, Offset: <= long.MaxValue / 2 };

    private static long EndOf(TreePath path, int size, int sector) => (long)path.Key.Offset + ((long)(path.Item.Length / size) * sector);
}
