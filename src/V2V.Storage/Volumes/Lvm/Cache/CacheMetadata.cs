using System.Buffers.Binary;
using V2V.Storage.Volumes.Lvm.Thin;

namespace V2V.Storage.Volumes.Lvm.Cache;

/// <summary>
/// What a cache has of its volume: the metadata of dm-cache, version 1 and 2 (drivers/md/dm-cache-metadata.c), a superblock and an array of mappings in
/// a tree of the persistent-data library. Whether a block was written back is not asked, as nothing is read around the cache.
/// </summary>
internal sealed class CacheMetadata
{
    private const ulong Magic = 1623043;
    private const uint NeedsCheck = 2;
    private const int SectorSize = 512;
    private const int MaxDepth = 16;
    private const int ArrayHeaderSize = 24;
    private const ulong IsValid = 1;

    private readonly BlockDevice _device;
    private readonly string _target;
    private readonly uint _cacheBlocks;
    private readonly long _blockSize;
    private readonly List<(long Origin, long Cache)> _mappings = [];
    private long _blocksRead;

    private CacheMetadata(BlockDevice device, long dataLength, long volumeLength, string target)
    {
        (_device, _target) = (device, target);
        if (device.Length < ThinMetadata.BlockSize)
        {
            throw Damaged("it is too short");
        }

        ReadOnlySpan<byte> super = ReadBlock(0, ThinBlockKind.CacheSuperblock, 8);
        if (BinaryPrimitives.ReadUInt64LittleEndian(super[32..]) != Magic)
        {
            throw Damaged("its superblock is wrong");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(super[40..]), incompatible = BinaryPrimitives.ReadUInt32LittleEndian(super[252..]);
        if (version is 0 or > 2 || incompatible != 0 || (BinaryPrimitives.ReadUInt32LittleEndian(super[4..]) & NeedsCheck) != 0)
        {
            throw VolumeErrors.LvmUnsupported(
                "LvmCacheNotClean", FormattableString.Invariant($"The cache of {target} waits for a repair, or has version {version} or features {incompatible:x} that V2V does not know."), target,
                $"Run 'lvconvert --uncache {target}' in the guest and export it again.");
        }

        _blockSize = BinaryPrimitives.ReadUInt32LittleEndian(super[232..]) * (long)SectorSize;
        _cacheBlocks = BinaryPrimitives.ReadUInt32LittleEndian(super[240..]);
        if (_blockSize is < 32 << 10 or > 1 << 30 || _cacheBlocks > dataLength / _blockSize)
        {
            throw Damaged("its sizes are not possible");
        }

        ReadTree(BinaryPrimitives.ReadUInt64LittleEndian(super[192..]), 0);
        _mappings.Sort();
        for (int i = 1; i < _mappings.Count; i++)
        {
            if (_mappings[i].Origin == _mappings[i - 1].Origin)
            {
                throw Damaged("it has a block twice");
            }
        }

        if (_mappings.Count > 0 && _mappings[^1].Origin >= (volumeLength + _blockSize - 1) / _blockSize)
        {
            throw Damaged("it has a block that the volume has not");
        }
    }

    /// <summary>Reads the metadata.</summary>
    /// <param name="device">The metadata.</param>
    /// <param name="dataLength">Length of the cache's data in bytes.</param>
    /// <param name="volumeLength">Length of the cached volume in bytes.</param>
    /// <param name="target">Name of the cached volume.</param>
    /// <exception cref="V2VException"><c>LvmCacheDamaged</c>, <c>LvmCacheNotClean</c>.</exception>
    internal static CacheMetadata Read(BlockDevice device, long dataLength, long volumeLength, string target) => new(device, dataLength, volumeLength, target);

    /// <summary>Where the cache has a byte of the volume, or null, and for how many bytes that goes on.</summary>
    internal (long? Cached, long Run) Find(long offset)
    {
        long block = offset / _blockSize, within = offset % _blockSize;
        int at = _mappings.BinarySearch((block, 0));
        at = at < 0 ? ~at : at;
        if (at == _mappings.Count)
        {
            return (null, long.MaxValue);
        }

        (long origin, long cache) = _mappings[at];
        return origin == block ? ((cache * _blockSize) + within, _blockSize - within) : (null, (origin * _blockSize) - offset);
    }

    private void ReadTree(ulong block, int depth)
    {
        var node = new ThinNode(ReadBlock(block, ThinBlockKind.Node, 8));
        if (!node.IsValid || depth > MaxDepth || (node.Count > 0 && node.Value(0).Length != 8))
        {
            throw Damaged(FormattableString.Invariant($"block {block} is no sound node of a tree"));
        }

        for (int i = 0; i < node.Count; i++)
        {
            if (node.IsLeaf)
            {
                ReadArray(node.Child(i), node.Key(i));
            }
            else
            {
                ReadTree(node.Child(i), depth + 1);
            }
        }
    }

    /// <summary>A part of the array: 16 bits of flags and 48 bits of the volume's block for each block of the cache (struct array_block of dm-array.c).</summary>
    private void ReadArray(ulong block, ulong number)
    {
        ReadOnlySpan<byte> array = ReadBlock(block, ThinBlockKind.Array, 16);
        uint maximum = BinaryPrimitives.ReadUInt32LittleEndian(array[4..]), count = BinaryPrimitives.ReadUInt32LittleEndian(array[8..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(array[12..]) != 8 || maximum > (ThinMetadata.BlockSize - ArrayHeaderSize) / 8 || count > maximum
            || number > uint.MaxValue || ((long)number * maximum) + count > _cacheBlocks)
        {
            throw Damaged(FormattableString.Invariant($"block {block} is no sound part of an array"));
        }

        for (int i = 0; i < (int)count; i++)
        {
            ulong mapping = BinaryPrimitives.ReadUInt64LittleEndian(array[(ArrayHeaderSize + (i * 8))..]);
            if ((mapping & IsValid) != 0)
            {
                _mappings.Add(((long)(mapping >> 16), ((long)number * maximum) + i));
            }
        }
    }

    private byte[] ReadBlock(ulong block, ThinBlockKind kind, int numberOffset)
    {
        // No tree has more blocks than the device: one that has leads in a circle.
        if (block >= (ulong)(_device.Length / ThinMetadata.BlockSize) || ++_blocksRead > _device.Length / ThinMetadata.BlockSize)
        {
            throw Damaged("a tree points outside it, or to itself");
        }

        var data = new byte[ThinMetadata.BlockSize];
        _device.Read((long)block * ThinMetadata.BlockSize, data);
        return ThinMetadata.Checksum(data, kind) == BinaryPrimitives.ReadUInt32LittleEndian(data) && BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(numberOffset)) == block
            ? data
            : throw Damaged(FormattableString.Invariant($"the checksum of block {block} is wrong"));
    }

    private V2VException Damaged(string what) => V2VException.Corrupt("LvmCacheDamaged", $"The metadata of the cache of {_target} is damaged: {what}.", _target);
}
