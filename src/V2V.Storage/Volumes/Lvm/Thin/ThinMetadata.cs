using System.Buffers.Binary;
using System.Numerics;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>Kinds of metadata blocks, of thin pools and of caches; the value salts the checksum of each.</summary>
internal enum ThinBlockKind
{
    Node = 121107,
    Index = 160478,
    Superblock = 160774,
    Bitmap = 240779,
    Array = 595846735,
    CacheSuperblock = 9031977,
}

/// <summary>
/// The metadata volume of a thin pool: the superblock of dm-thin and blocks of Linux' persistent-data library (thin-pool metadata, version 1 and 2;
/// Documentation/admin-guide/device-mapper/thin-provisioning.rst, drivers/md/persistent-data). Every block is checked when it is read; changed blocks are
/// kept until <see cref="Flush"/>. Not thread-safe: the pool locks it.
/// </summary>
internal sealed class ThinMetadata
{
    /// <summary>Size of a metadata block in bytes.</summary>
    internal const int BlockSize = 4096;

    private const ulong Magic = 27022010;
    private const int MaxCached = 4096;

    private readonly BlockDevice _device;
    private readonly string _target;
    private readonly Dictionary<ulong, (byte[] Data, ThinBlockKind Kind)> _cache = [];
    private readonly HashSet<ulong> _dirty = [];

    /// <summary>Opens the metadata of a pool.</summary>
    /// <exception cref="V2VException"><c>LvmThinPoolDamaged</c> or <c>LvmThinPoolUnsupported</c>.</exception>
    internal ThinMetadata(BlockDevice device, string target)
    {
        (_device, _target) = (device, target);
        if (device.Length < BlockSize)
        {
            throw Damaged("it is too short");
        }

        ReadOnlySpan<byte> super = Read(0, ThinBlockKind.Superblock);
        if (BinaryPrimitives.ReadUInt64LittleEndian(super[32..]) != Magic)
        {
            throw Damaged("its superblock is wrong");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(super[40..]), incompatible = BinaryPrimitives.ReadUInt32LittleEndian(super[360..]);
        if (version is 0 or > 2 || incompatible != 0)
        {
            throw VolumeErrors.LvmUnsupported(
                "LvmThinPoolUnsupported", FormattableString.Invariant($"The thin pool {target} has version {version} or features {incompatible:x} that V2V does not know."), target,
                "Move the guest to linear volumes first.");
        }

        NeedsCheck = (BinaryPrimitives.ReadUInt32LittleEndian(super[4..]) & 1) != 0;
        HasSnapshot = BinaryPrimitives.ReadUInt64LittleEndian(super[56..]) != 0;
        Time = BinaryPrimitives.ReadUInt32LittleEndian(super[44..]);
        MappingRoot = BinaryPrimitives.ReadUInt64LittleEndian(super[320..]);
        DetailsRoot = BinaryPrimitives.ReadUInt64LittleEndian(super[328..]);
        DataBlockSectors = BinaryPrimitives.ReadUInt32LittleEndian(super[336..]);
    }

    /// <summary>True if the kernel marked the pool for repair.</summary>
    internal bool NeedsCheck { get; }

    /// <summary>True if a snapshot of the metadata itself is held: no block may change then.</summary>
    internal bool HasSnapshot { get; }

    /// <summary>Counts the snapshots that were taken in the pool.</summary>
    internal uint Time { get; }

    /// <summary>Block of the tree from devices to the trees of their mappings.</summary>
    internal ulong MappingRoot { get; }

    /// <summary>Block of the tree from devices to their details.</summary>
    internal ulong DetailsRoot { get; }

    /// <summary>Size of a data block in sectors.</summary>
    internal uint DataBlockSectors { get; }

    /// <summary>Number of blocks of the volume.</summary>
    internal ulong BlockCount => (ulong)(_device.Length / BlockSize);

    /// <summary>True if so much was changed that it should be written before the next change.</summary>
    internal bool IsLarge => _dirty.Count > MaxCached / 2;

    /// <summary>Reads a node of a tree.</summary>
    internal ThinNode ReadNode(ulong block)
    {
        var node = new ThinNode(Read(block == 0 ? ulong.MaxValue : block, ThinBlockKind.Node));
        return node.IsValid ? node : throw Damaged(FormattableString.Invariant($"block {block} is no sound node of a tree"));
    }

    /// <summary>Reads a block. Whoever changes it calls <see cref="Change"/>.</summary>
    internal byte[] Read(ulong block, ThinBlockKind kind)
    {
        if (_cache.TryGetValue(block, out (byte[] Data, ThinBlockKind Kind) cached))
        {
            return cached.Kind == kind ? cached.Data : throw Damaged(FormattableString.Invariant($"block {block} is used for two things"));
        }

        if (block >= BlockCount)
        {
            throw Damaged("a tree points outside it");
        }

        var data = new byte[BlockSize];
        _device.Read((long)block * BlockSize, data);
        if (Checksum(data, kind) != BinaryPrimitives.ReadUInt32LittleEndian(data) || BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(8)) != block)
        {
            throw Damaged(FormattableString.Invariant($"the checksum of block {block} is wrong"));
        }

        if (_cache.Count >= MaxCached)
        {
            foreach (ulong clean in _cache.Keys.Where(b => !_dirty.Contains(b)).ToArray())
            {
                _cache.Remove(clean);
            }
        }

        _cache[block] = (data, kind);
        return data;
    }

    /// <summary>Makes a block of zeroes, or a copy of another.</summary>
    internal byte[] Create(ulong block, ThinBlockKind kind, byte[]? from = null)
    {
        byte[] data = from is null ? new byte[BlockSize] : [.. from];
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8), block);
        _cache[block] = (data, kind);
        _dirty.Add(block);
        return data;
    }

    /// <summary>Notes that a block was, or is about to be, changed.</summary>
    internal void Change(ulong block) => _dirty.Add(block);

    /// <summary>Writes what was changed, the superblock last.</summary>
    internal void Flush()
    {
        foreach (ulong block in _dirty.OrderDescending())
        {
            if (!_cache.TryGetValue(block, out (byte[] Data, ThinBlockKind Kind) cached))
            {
                continue;
            }

            (byte[] data, ThinBlockKind kind) = cached;
            BinaryPrimitives.WriteUInt32LittleEndian(data, Checksum(data, kind));
            _device.Write((long)block * BlockSize, data);
        }

        _dirty.Clear();
        _device.Flush();
    }

    internal V2VException Damaged(string what) =>
        V2VException.Corrupt("LvmThinPoolDamaged", $"The metadata of the thin pool {_target} is damaged: {what}.", _target);

    internal V2VException Full() => new(
        "LvmThinPoolFull", V2VErrorKind.NoSpace, $"The thin pool {_target} has no free block left.", _target, "Extend the pool in the guest (lvextend) and export it again.");

    /// <summary>CRC-32C of all but the first word, without a final complement.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> block, ThinBlockKind kind)
    {
        uint checksum = uint.MaxValue;
        for (int i = 4; i < block.Length; i += 4)
        {
            checksum = BitOperations.Crc32C(checksum, BinaryPrimitives.ReadUInt32LittleEndian(block[i..]));
        }

        return checksum ^ (uint)kind;
    }
}
