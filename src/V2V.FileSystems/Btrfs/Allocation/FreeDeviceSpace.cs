using V2V.FileSystems.Btrfs.Storage;
using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>What a device does not use: space in no chunk, and free space within chunks. The places of superblocks are never free.</summary>
internal sealed class FreeDeviceSpace(BtrfsVolume volume)
{
    /// <summary>The start of each device is left alone: boot loaders and the first superblock.</summary>
    public const long ReservedBytes = 1 << 20;

    /// <summary>Holes between the chunks of a device: space that a new chunk could take.</summary>
    /// <param name="device">Number of the device.</param>
    /// <param name="length">Its size in bytes.</param>
    public List<(long Start, long End)> FindHoles(ulong device, long length)
    {
        var holes = new List<(long, long)>();
        long done = ReservedBytes;
        foreach (TreeItem item in volume.DeviceTree.Items(device, ItemType.DeviceExtent))
        {
            ulong extent = item.Data.Length < 32 ? 0 : Le.U64(item.Data, 24);
            if (extent == 0 || extent > long.MaxValue / 2 || item.Key.Offset > long.MaxValue / 2)
            {
                throw BtrfsErrors.Item(item.Key, "its length is out of range");
            }

            if ((long)item.Key.Offset > done)
            {
                holes.Add((done, Math.Min(length, (long)item.Key.Offset)));
            }

            done = Math.Max(done, (long)(item.Key.Offset + extent));
        }

        if (done < length)
        {
            holes.Add((done, length));
        }

        return holes;
    }

    /// <summary>Free ranges of a device, ascending.</summary>
    public IEnumerable<(long Offset, long Length)> Find(BlockDevice device)
    {
        if (volume.Devices.NumberOf(device) is not { } id)
        {
            return [];
        }

        Span<byte> item = volume.ChunkTree.Find(new BtrfsKey(ObjectIds.DeviceItems, ItemType.Device, id));
        long length = item.Length < 16 ? 0 : (long)Math.Min(Le.U64(item, 8), (ulong)device.Length);
        var free = new FreeRanges();
        foreach ((long start, long end) in FindHoles(id, length))
        {
            if (end > start)
            {
                free.Add(start, end);
            }
        }

        foreach (BlockGroup group in volume.Groups.All)
        {
            if ((group.Chunk.Type & ChunkType.Parity) == 0 && group.Chunk.Stripes.Any(s => s.DeviceId == id))
            {
                AddGroup(group, id, free);
            }
        }

        foreach (long offset in BtrfsSuperblock.Offsets)
        {
            free.Remove(offset, offset + Chunk.StripeLength);
        }

        return free.All.Where(r => r.End <= length).Select(r => (r.Start, r.End - r.Start));
    }

    private void AddGroup(BlockGroup group, ulong device, FreeRanges free)
    {
        Chunk chunk = group.Chunk;
        foreach ((long start, long end) in volume.Groups.FreeSpaceOf(group).All)
        {
            for (long at = start; at < end;)
            {
                int length = 0;
                for (int copy = 0; copy < chunk.Copies; copy++)
                {
                    ChunkPiece piece = chunk.Locate(at - chunk.Start, (int)Math.Min(end - at, 1 << 30), copy);
                    length = piece.Length;
                    if (chunk.Stripes[piece.Stripe].DeviceId == device)
                    {
                        free.Add(piece.Offset, piece.Offset + length);
                    }
                }

                at += length;
            }
        }
    }
}
