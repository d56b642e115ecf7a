using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>A thin pool: its metadata and the volume that holds the blocks of all its thin volumes.</summary>
internal sealed class ThinPool
{
    private readonly ThinMetadata _metadata;

    /// <param name="metadata">The metadata volume.</param>
    /// <param name="data">The data volume.</param>
    /// <param name="chunkSectors">Size of a block in sectors, as the volume group says.</param>
    /// <param name="target">Name of the pool, for messages.</param>
    internal ThinPool(BlockDevice metadata, BlockDevice data, long chunkSectors, string target)
    {
        _metadata = new ThinMetadata(metadata, target);
        Data = data;
        Target = target;
        BlockSize = _metadata.DataBlockSectors * 512L;
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

    /// <summary>Name for messages.</summary>
    internal string Target { get; }

    /// <summary>Size of a block in bytes.</summary>
    internal long BlockSize { get; }

    /// <summary>Block of the tree of a thin device's mappings, and the time of its last snapshot.</summary>
    internal (ulong Root, uint SnapshotTime) FindDevice(ulong device)
    {
        (ThinNode mappings, int index, _) = ThinNode.Descend(_metadata, _metadata.MappingRoot, device);
        (ThinNode details, int detail, _) = ThinNode.Descend(_metadata, _metadata.DetailsRoot, device);
        if (index < 0 || mappings.Key(index) != device || mappings.Value(index).Length != 8
            || detail < 0 || details.Key(detail) != device || details.Value(detail).Length != 24)
        {
            throw _metadata.Damaged(FormattableString.Invariant($"it knows no device {device}"));
        }

        return (mappings.Child(index), BinaryPrimitives.ReadUInt32LittleEndian(details.Value(detail)[20..]));
    }

    /// <summary>Where a block of a thin device lies.</summary>
    /// <param name="root">Block of the device's tree of mappings.</param>
    /// <param name="block">The block.</param>
    /// <returns>The data block and the time at which it was given out; or null, and the number of blocks from here on that are not mapped.</returns>
    internal (long? DataBlock, uint Time, ulong Unmapped) Map(ulong root, ulong block)
    {
        (ThinNode leaf, int index, ulong next) = ThinNode.Descend(_metadata, root, block);
        if (index < 0 || leaf.Key(index) != block)
        {
            return (null, 0, next - block);
        }

        ulong value = leaf.Child(index);
        long data = (long)(value >> 24);
        return data >= Data.Length / BlockSize
            ? throw _metadata.Damaged("a block is mapped to a place outside the pool")
            : (data, (uint)(value & 0xFFFFFF), 0UL);
    }
}
