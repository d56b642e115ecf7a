using System.Buffers;
using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>A thin pool: its metadata and the volume that holds the blocks of all its thin volumes. Thread-safe.</summary>
internal sealed class ThinPool
{
    private readonly ThinMetadata _metadata;
    private readonly ThinTree _tree;
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, (ulong Root, uint SnapshotTime)> _devices = [];

    /// <param name="metadata">The metadata volume.</param>
    /// <param name="data">The data volume.</param>
    /// <param name="chunkSectors">Size of a block in sectors, as the volume group says.</param>
    /// <param name="target">Name of the pool, for messages.</param>
    internal ThinPool(BlockDevice metadata, BlockDevice data, long chunkSectors, string target)
    {
        _metadata = new ThinMetadata(metadata, target);
        _tree = new ThinTree(_metadata);
        Data = data;
        BlockSize = _metadata.DataBlockSectors * 512L;
        CanWrite = metadata.CanWrite && data.CanWrite && !_metadata.HasSnapshot;
        if (_metadata.NeedsCheck)
        {
            throw new V2VException(
                "LvmThinPoolDamaged", V2VErrorKind.InvalidState, $"The guest's kernel marked the thin pool {target} for repair.", target, "Repair the pool in the guest (lvconvert --repair) and export it again.");
        }

        if (_metadata.DataBlockSectors != chunkSectors || chunkSectors is < 128 or > 2097152 || chunkSectors % 128 != 0)
        {
            throw _metadata.Damaged("the size of its blocks is not that of the volume group");
        }
    }

    /// <summary>The volume that holds the blocks.</summary>
    internal BlockDevice Data { get; }

    /// <summary>Size of a block in bytes.</summary>
    internal long BlockSize { get; }

    /// <summary>True if blocks can be given out and written. A pool whose metadata is held in a snapshot can be read only.</summary>
    internal bool CanWrite { get; }

    /// <summary>True if a snapshot of the metadata itself is held.</summary>
    internal bool HasMetadataSnapshot => _metadata.HasSnapshot;

    /// <summary>Looks a thin device up.</summary>
    /// <exception cref="V2VException"><c>LvmThinPoolDamaged</c> if there is none of the number.</exception>
    internal void Open(ulong device)
    {
        lock (_lock)
        {
            (ThinNode mappings, _, int index, _) = ThinNode.Descend(_metadata, _metadata.MappingRoot, device);
            (ThinNode details, _, int detail, _) = ThinNode.Descend(_metadata, _metadata.DetailsRoot, device);
            if (index < 0 || mappings.Key(index) != device || mappings.Value(index).Length != 8
                || detail < 0 || details.Key(detail) != device || details.Value(detail).Length != 24)
            {
                throw _metadata.Damaged(FormattableString.Invariant($"it knows no device {device}"));
            }

            _devices[device] = (mappings.Child(index), BinaryPrimitives.ReadUInt32LittleEndian(details.Value(detail)[20..]));
        }
    }

    /// <summary>Where a block of a thin device lies.</summary>
    /// <param name="device">Number of the device.</param>
    /// <param name="block">The block.</param>
    /// <returns>The data block, and whether a snapshot has it too; or null, and the number of blocks from here on that are not mapped.</returns>
    internal (long? DataBlock, bool IsShared, ulong Unmapped) Map(ulong device, ulong block)
    {
        lock (_lock)
        {
            return MapLocked(device, block);
        }
    }

    /// <summary>Writes to a part of a block, which is given out or copied first where that is needed.</summary>
    /// <param name="device">Number of the device.</param>
    /// <param name="block">The block.</param>
    /// <param name="within">First byte in it.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="origin">What blocks that are not mapped read as; null for zeroes.</param>
    internal void Write(ulong device, ulong block, long within, ReadOnlySpan<byte> data, BlockDevice? origin)
    {
        lock (_lock)
        {
            if (_metadata.IsLarge)
            {
                _metadata.Flush();
            }

            (long? at, bool isShared, _) = MapLocked(device, block);
            if (at is null || isShared)
            {
                ulong fresh = _tree.AllocateData();
                Fill((long)fresh * BlockSize, at is null ? origin : Data, (at ?? (long)block) * BlockSize);
                if (at is not null)
                {
                    _tree.ReleaseData((ulong)at.Value);
                }

                SetMapping(device, block, fresh, isNew: at is null);
                at = (long)fresh;
            }

            Data.Write((at.Value * BlockSize) + within, data);
        }
    }

    /// <summary>Makes everything durable, the metadata after the data.</summary>
    internal void Flush()
    {
        Data.Flush();
        lock (_lock)
        {
            if (CanWrite)
            {
                _metadata.Flush();
            }
        }
    }

    private (long? DataBlock, bool IsShared, ulong Unmapped) MapLocked(ulong device, ulong block)
    {
        (ulong root, uint snapshotTime) = _devices[device];
        (ThinNode leaf, _, int index, ulong next) = ThinNode.Descend(_metadata, root, block);
        if (index < 0 || leaf.Key(index) != block)
        {
            return (null, false, next - block);
        }

        if (leaf.Value(index).Length != 8)
        {
            throw _metadata.Damaged("a value has the wrong size");
        }

        ulong value = leaf.Child(index);
        long data = (long)(value >> 24);
        return data >= Data.Length / BlockSize
            ? throw _metadata.Damaged("a block is mapped to a place outside the pool")
            : (data, (value & 0xFFFFFF) < snapshotTime, 0UL);
    }

    /// <summary>What a new block holds before it is written to: a copy, or zeroes.</summary>
    private void Fill(long target, BlockDevice? from, long offset)
    {
        long length = from is null ? 0 : Math.Clamp(from.Length - offset, 0, BlockSize);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        for (long done = 0; done < length;)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(64 << 10, length - done));
            from!.Read(offset + done, part);
            Data.Write(target + done, part);
            done += part.Length;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        if (length < BlockSize)
        {
            Data.WriteZeroes(target + length, BlockSize - length);
        }
    }

    private void SetMapping(ulong device, ulong block, ulong data, bool isNew)
    {
        (ulong root, uint snapshotTime) = _devices[device];
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(value, (data << 24) | _metadata.Time);
        ulong changed = _tree.Insert(root, block, value, isShareable: true, out _);
        if (changed != root)
        {
            _devices[device] = (changed, snapshotTime);
            (ThinNode mappings, ulong at, int index, _) = ThinNode.Descend(_metadata, _metadata.MappingRoot, device);
            BinaryPrimitives.WriteUInt64LittleEndian(mappings.Value(index), changed);
            _metadata.Change(at);
        }

        if (isNew)
        {
            (ThinNode details, ulong at, int index, _) = ThinNode.Descend(_metadata, _metadata.DetailsRoot, device);
            Span<byte> count = details.Value(index);
            BinaryPrimitives.WriteUInt64LittleEndian(count, BinaryPrimitives.ReadUInt64LittleEndian(count) + 1);
            _metadata.Change(at);
        }
    }
}
