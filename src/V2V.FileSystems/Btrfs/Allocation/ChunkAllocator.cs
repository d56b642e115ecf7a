using V2V.FileSystems.Btrfs.Storage;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>
/// Makes a new chunk of space that no chunk has yet (On-disk Format, "CHUNK_ITEM", "DEV_EXTENT", "BLOCK_GROUP_ITEM"): its item, the extents
/// of its devices, its block group and, for chunks of the chunk tree itself, the copy in the superblock.
/// </summary>
internal sealed class ChunkAllocator(BtrfsVolume volume)
{
    private const long MaxDataStripe = 1L << 30;
    private const long MaxMetadataStripe = 256L << 20;
    private const long MaxSystemStripe = 8L << 20;
    private const long MinStripe = 1L << 20;
    private const int MaxStripes = 32;

    /// <summary>Adds a chunk with the type and profile of another.</summary>
    /// <returns>False if the devices have no room for it.</returns>
    public bool TryAdd(ChunkType type)
    {
        (int stripes, int perDevice, int least, int subStripes) = (type & ChunkType.Profile) switch
        {
            0 => (1, 1, 1, 1),
            ChunkType.Dup => (1, 2, 1, 1),
            ChunkType.Raid0 => (MaxStripes, 1, 1, 1),
            ChunkType.Raid1 => (2, 1, 2, 1),
            ChunkType.Raid1C3 => (3, 1, 3, 1),
            ChunkType.Raid1C4 => (4, 1, 4, 1),
            _ => (MaxStripes, 1, 4, 2),
        };
        long most = (type & ChunkType.Data) != 0 ? MaxDataStripe : (type & ChunkType.System) != 0 ? MaxSystemStripe : MaxMetadataStripe;
        most = Math.Max(MinStripe, Math.Min(most, volume.Super.TotalBytes / 10));
        List<(ulong Device, long Start, long Length)> places = FindPlaces(perDevice);
        int count = Math.Min(stripes, places.Count);
        count -= (type & ChunkType.Raid10) != 0 ? count % 2 : 0;
        if (count < least)
        {
            return false;
        }

        // Each stripe is as long as the shortest of the longest holes.
        long length = Math.Min(most, places[count - 1].Length) / Chunk.StripeLength * Chunk.StripeLength;
        if (length < MinStripe)
        {
            return false;
        }

        Add(type, [.. places.Take(count).SelectMany(p => Enumerable.Range(0, perDevice).Select(i => new Stripe(p.Device, p.Start + (i * length))))], length, subStripes);
        return true;
    }

    /// <summary>The longest hole of each device, divided by the stripes that go into it; the longest first.</summary>
    private List<(ulong Device, long Start, long Length)> FindPlaces(int perDevice)
    {
        var places = new List<(ulong, long, long Length)>();
        foreach ((ulong device, V2V.Storage.BlockDevice bytes) in volume.Devices.All)
        {
            Span<byte> item = volume.ChunkTree.Find(new BtrfsKey(ObjectIds.DeviceItems, ItemType.Device, device));
            long size = item.Length < 16 ? 0 : (long)Math.Min(Le.U64(item, 8), (ulong)bytes.Length);
            (long start, long end) = new FreeDeviceSpace(volume).FindHoles(device, size).OrderByDescending(h => h.End - h.Start).FirstOrDefault();
            start = (start + Chunk.StripeLength - 1) / Chunk.StripeLength * Chunk.StripeLength;
            long length = (end - start) / perDevice / Chunk.StripeLength * Chunk.StripeLength;
            if (length >= MinStripe)
            {
                places.Add((device, start, length));
            }
        }

        places.Sort((a, b) => b.Length.CompareTo(a.Length));
        return places;
    }

    private void Add(ChunkType type, Stripe[] stripes, long stripeLength, int subStripes)
    {
        long logical = volume.Chunks.All.Max(c => c.End);
        int dataStripes = stripes.Length / Chunk.CopiesOf(type, stripes.Length);
        long length = stripeLength * dataStripes;
        byte[] raw = MakeItem(type, stripes, length, subStripes);
        var key = new BtrfsKey(ObjectIds.FirstChunk, ItemType.Chunk, (ulong)logical);
        bool isSystem = (type & ChunkType.System) != 0;
        if (isSystem && volume.Super.SystemChunksUsed + BtrfsKey.Size + raw.Length > BtrfsSuperblock.SystemChunksSize)
        {
            throw BtrfsErrors.NoSpace("another chunk of the chunk tree");
        }

        Chunk chunk = Chunk.Read((ulong)logical, raw, out _);
        volume.Chunks.Add(chunk);
        var group = new BlockGroup(chunk, 0) { Free = new FreeRanges() };
        group.Free.Add(chunk.Start, chunk.End);
        foreach ((long start, long end) in BlockGroupTable.Reserved(chunk))
        {
            group.Free.Remove(start, end);
        }

        volume.Groups.Add(group);
        volume.ChunkTree.Insert(key, raw);
        foreach (Stripe stripe in stripes)
        {
            volume.DeviceTree.Insert(new BtrfsKey(stripe.DeviceId, ItemType.DeviceExtent, (ulong)stripe.Offset), MakeDeviceExtent(logical, stripeLength));
        }

        foreach (IGrouping<ulong, Stripe> device in stripes.GroupBy(s => s.DeviceId))
        {
            var deviceKey = new BtrfsKey(ObjectIds.DeviceItems, ItemType.Device, device.Key);
            byte[] item = volume.ChunkTree.Find(deviceKey).ToArray();
            Le.Set64(item, 16, Le.U64(item, 16) + (ulong)(stripeLength * device.Count()));
            volume.ChunkTree.Set(deviceKey, item);
        }

        if (isSystem)
        {
            Span<byte> space = volume.Super.SystemChunks[volume.Super.SystemChunksUsed..];
            key.Write(space);
            raw.CopyTo(space[BtrfsKey.Size..]);
            volume.Super.SystemChunksUsed += BtrfsKey.Size + raw.Length;
        }

        var groupItem = new byte[BlockGroupTable.ItemSize];
        Le.Set64(groupItem, 8, ObjectIds.FirstChunk);
        Le.Set64(groupItem, 16, (ulong)type);
        volume.BlockGroupTree.Insert(group.Key, groupItem);
        volume.FreeSpaceTree.AddGroup(chunk);
    }

    private byte[] MakeItem(ChunkType type, Stripe[] stripes, long length, int subStripes)
    {
        var raw = new byte[Chunk.HeaderSize + (stripes.Length * Chunk.StripeSize)];
        Le.Set64(raw, 0, (ulong)length);
        Le.Set64(raw, 8, ObjectIds.ExtentTree);
        Le.Set64(raw, 16, Chunk.StripeLength);
        Le.Set64(raw, 24, (ulong)type);
        Le.Set32(raw, 32, Chunk.StripeLength);
        Le.Set32(raw, 36, Chunk.StripeLength);
        Le.Set32(raw, 40, (uint)volume.SectorSize);
        Le.Set16(raw, 44, (uint)stripes.Length);
        Le.Set16(raw, 46, (uint)subStripes);
        for (int i = 0; i < stripes.Length; i++)
        {
            Span<byte> stripe = raw.AsSpan(Chunk.HeaderSize + (i * Chunk.StripeSize));
            Le.Set64(stripe, 0, stripes[i].DeviceId);
            Le.Set64(stripe, 8, (ulong)stripes[i].Offset);
            volume.ChunkTree.Find(new BtrfsKey(ObjectIds.DeviceItems, ItemType.Device, stripes[i].DeviceId)).Slice(66, 16).CopyTo(stripe[16..]);
        }

        return raw;
    }

    private byte[] MakeDeviceExtent(long logical, long length)
    {
        var raw = new byte[48];
        Le.Set64(raw, 0, ObjectIds.ChunkTree);
        Le.Set64(raw, 8, ObjectIds.FirstChunk);
        Le.Set64(raw, 16, (ulong)logical);
        Le.Set64(raw, 24, (ulong)length);
        volume.ChunkTreeUuid.CopyTo(raw.AsSpan(32));
        return raw;
    }
}
