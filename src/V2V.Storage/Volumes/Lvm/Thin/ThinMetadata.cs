using System.Buffers.Binary;
using System.Numerics;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>
/// The metadata volume of a thin pool: the superblock of dm-thin and blocks of Linux' persistent-data library (thin-pool metadata, version 1 and 2;
/// Documentation/admin-guide/device-mapper/thin-provisioning.rst, drivers/md/persistent-data). Every block is checked when it is read. Thread-safe.
/// </summary>
internal sealed class ThinMetadata
{
    /// <summary>Size of a metadata block in bytes.</summary>
    internal const int BlockSize = 4096;

    private const uint SuperblockSalt = 160774;
    private const uint NodeSalt = 121107;
    private const ulong Magic = 27022010;
    private const int MaxCached = 2048;

    private readonly BlockDevice _device;
    private readonly string _target;
    private readonly Dictionary<ulong, byte[]> _cache = [];
    private readonly Lock _lock = new();

    /// <summary>Opens the metadata of a pool.</summary>
    /// <exception cref="V2VException"><c>LvmThinPoolDamaged</c> or <c>LvmThinPoolUnsupported</c>.</exception>
    internal ThinMetadata(BlockDevice device, string target)
    {
        (_device, _target) = (device, target);
        var super = new byte[BlockSize];
        if (device.Length < BlockSize)
        {
            throw Damaged("it is too short");
        }

        device.Read(0, super);
        if (BinaryPrimitives.ReadUInt64LittleEndian(super.AsSpan(32)) != Magic || !IsSound(super, SuperblockSalt))
        {
            throw Damaged("its superblock is wrong");
        }

        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(4)), version = BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(40));
        uint incompatible = BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(360));
        if (version is 0 or > 2 || incompatible != 0)
        {
            throw VolumeErrors.LvmUnsupported(
                "LvmThinPoolUnsupported", FormattableString.Invariant($"The thin pool {target} has version {version} or features {incompatible:x} that V2V does not know."), target,
                "Move the guest to linear volumes first.");
        }

        NeedsCheck = (flags & 1) != 0;
        MappingRoot = BinaryPrimitives.ReadUInt64LittleEndian(super.AsSpan(320));
        DetailsRoot = BinaryPrimitives.ReadUInt64LittleEndian(super.AsSpan(328));
        DataBlockSectors = BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(336));
    }

    /// <summary>True if the kernel marked the pool for repair.</summary>
    internal bool NeedsCheck { get; }

    /// <summary>Block of the tree from devices to the trees of their mappings.</summary>
    internal ulong MappingRoot { get; }

    /// <summary>Block of the tree from devices to their details.</summary>
    internal ulong DetailsRoot { get; }

    /// <summary>Size of a data block in sectors.</summary>
    internal uint DataBlockSectors { get; }

    /// <summary>Reads a node of a tree.</summary>
    internal ThinNode ReadNode(ulong block)
    {
        byte[]? data;
        lock (_lock)
        {
            if (_cache.TryGetValue(block, out data))
            {
                return new ThinNode(data);
            }
        }

        if (block == 0 || block >= (ulong)(_device.Length / BlockSize))
        {
            throw Damaged("a tree points outside it");
        }

        data = new byte[BlockSize];
        _device.Read((long)block * BlockSize, data);
        var node = new ThinNode(data);
        if (!IsSound(data, NodeSalt) || BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(8)) != block || !node.IsValid)
        {
            throw Damaged(FormattableString.Invariant($"block {block} is no sound node of a tree"));
        }

        lock (_lock)
        {
            if (_cache.Count >= MaxCached)
            {
                _cache.Clear();
            }

            _cache[block] = data;
        }

        return node;
    }

    internal V2VException Damaged(string what) =>
        V2VException.Corrupt("LvmThinPoolDamaged", $"The metadata of the thin pool {_target} is damaged: {what}.", _target);

    /// <summary>Checks the checksum in a block's first word: CRC-32C of the rest, without a final complement, salted by the kind of block.</summary>
    private static bool IsSound(ReadOnlySpan<byte> block, uint salt)
    {
        uint checksum = uint.MaxValue;
        for (int i = 4; i < block.Length; i += 4)
        {
            checksum = BitOperations.Crc32C(checksum, BinaryPrimitives.ReadUInt32LittleEndian(block[i..]));
        }

        return (checksum ^ salt) == BinaryPrimitives.ReadUInt32LittleEndian(block);
    }
}

/// <summary>A node of a B-tree of the persistent-data library: sorted 64-bit keys and values of one size.</summary>
internal readonly struct ThinNode(byte[] data)
{
    private const int HeaderSize = 32;
    private const int MaxDepth = 32;

    internal bool IsLeaf => (BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4)) & 2) != 0;

    internal int Count => (int)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(16));

    internal bool IsValid
    {
        get
        {
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4)), maximum = Maximum, size = ValueSize;
            return (flags & 3) is 1 or 2 && size is >= 4 and <= 64 && maximum <= ThinMetadata.BlockSize / 8
                && HeaderSize + (maximum * (8 + size)) <= ThinMetadata.BlockSize && (uint)Count <= maximum;
        }
    }

    private uint Maximum => BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(20));

    private uint ValueSize => BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(24));

    internal ulong Key(int index) => BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(HeaderSize + (index * 8)));

    internal ReadOnlySpan<byte> Value(int index) => data.AsSpan(HeaderSize + ((int)Maximum * 8) + (index * (int)ValueSize), (int)ValueSize);

    internal ulong Child(int index) => ValueSize == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(Value(index)) : 0;

    /// <summary>The last entry whose key is not greater, or -1.</summary>
    internal int Find(ulong key)
    {
        int low = -1, high = Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (Key(middle) <= key)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    /// <summary>Goes down a tree to the leaf that would hold a key.</summary>
    /// <param name="metadata">The pool's metadata.</param>
    /// <param name="root">Block of the tree's root.</param>
    /// <param name="key">The key.</param>
    /// <returns>The leaf, the last entry in it not greater than the key (or -1), and the first greater key of the tree that is known (a lower bound).</returns>
    internal static (ThinNode Leaf, int Index, ulong Next) Descend(ThinMetadata metadata, ulong root, ulong key)
    {
        ulong next = ulong.MaxValue;
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            ThinNode node = metadata.ReadNode(root);
            int index = node.Find(key);
            if (index + 1 < node.Count)
            {
                next = node.Key(index + 1);
            }

            if (node.IsLeaf || index < 0)
            {
                return (node, node.IsLeaf ? index : -1, next);
            }

            root = node.Child(index);
        }

        throw metadata.Damaged("a tree is too deep");
    }
}
