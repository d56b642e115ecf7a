using V2V.FileSystems.Xfs.Directories;
using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>
/// The extended attributes of an inode ("Extended Attributes" of the XFS documentation): in the inode, in one leaf, or in leaves below
/// nodes; long values in blocks of their own. <c>AttributeStore.Edit.cs</c> changes them.
/// </summary>
internal sealed partial class AttributeStore
{
    /// <summary>The longest value.</summary>
    public const int MaxValue = 65536;

    private const uint RemoteMagic = 0x5841524D;
    private const int RemoteHeader = 56;
    private const int RemoteCrc = 12;
    private const int ShortHeader = 4;

    private readonly XfsVolume _volume;
    private readonly XfsInode _inode;
    private readonly DaFile _file;
    private readonly AttributeLeaf _leaf;

    public AttributeStore(XfsVolume volume, XfsInode inode)
    {
        _volume = volume;
        _inode = inode;
        _file = new DaFile(volume, inode, inode.Attributes, blockLog: 0);
        _leaf = new AttributeLeaf(volume.Super);
    }

    private int LeafMagic => _volume.Super.IsV5 ? DaFile.AttributeLeafMagicV5 : DaFile.AttributeLeafMagic;

    private int RemoteCapacity => _volume.BlockSize - (_volume.Super.IsV5 ? RemoteHeader : 0);

    /// <summary>Every attribute in stored order, also those that users do not see.</summary>
    public IEnumerable<AttributeEntry> All()
    {
        Fork fork = _inode.Attributes;
        if (!fork.Exists)
        {
            return [];
        }

        return fork.Format switch
        {
            ForkFormat.Local => ReadShort(fork.Area),
            ForkFormat.Extents when fork.Extents.Count == 0 => [],
            ForkFormat.Extents or ForkFormat.Tree => ReadLeaves(),
            _ => throw _file.Damaged("their form is unknown"),
        };
    }

    /// <summary>The value of an attribute, or null.</summary>
    public byte[]? Get(byte space, ReadOnlySpan<byte> name)
    {
        foreach (AttributeEntry entry in All())
        {
            if (entry.Is(space, name))
            {
                return entry.Value ?? ReadRemote(entry);
            }
        }

        return null;
    }

    private List<AttributeEntry> ReadShort(ReadOnlySpan<byte> area)
    {
        if (area.Length < ShortHeader || Be.U16(area, 0) > area.Length || Be.U16(area, 0) < ShortHeader)
        {
            throw _file.Damaged("their size is out of range");
        }

        int count = area[2];
        area = area[..Be.U16(area, 0)];
        var entries = new List<AttributeEntry>(count);
        int at = ShortHeader;
        for (int i = 0; i < count; i++)
        {
            if (at + 3 > area.Length || at + 3 + area[at] + area[at + 1] > area.Length)
            {
                throw _file.Damaged("an attribute reaches past their end");
            }

            int nameLength = area[at];
            int valueLength = area[at + 1];
            entries.Add(new AttributeEntry(
                area[at + 2], area.Slice(at + 3, nameLength).ToArray(), area.Slice(at + 3 + nameLength, valueLength).ToArray()));
            at += 3 + nameLength + valueLength;
        }

        return entries;
    }

    private IEnumerable<AttributeEntry> ReadLeaves()
    {
        foreach ((_, uint block) in new DaTree(_file, 0).ReadAll().Leaves)
        {
            byte[] data = _file.ReadLinked(block).Data;
            if (DaFile.Magic(data) != LeafMagic || _leaf.Read(data) is not { } entries)
            {
                throw _file.Damaged("a leaf is out of range");
            }

            foreach (AttributeEntry entry in entries)
            {
                yield return entry;
            }
        }
    }

    private byte[] ReadRemote(AttributeEntry entry)
    {
        var value = new byte[entry.ValueLength];
        int header = _volume.BlockSize - RemoteCapacity;
        for (int at = 0, block = 0; at < value.Length; block++)
        {
            BlockRun run = _inode.Attributes.Find(entry.ValueBlock + block, 1);
            if (run.Kind != BlockRunKind.Data)
            {
                throw _file.Damaged("a block of a value is missing");
            }

            CachedBlock cached = _volume.Cache.Get(_volume.Super.Linear(run.FsBlock));
            int length = Math.Min(RemoteCapacity, value.Length - at);
            if (header > 0 && !IsRemoteValid(cached, at, length))
            {
                throw _file.Damaged("a block of a value has a wrong header or checksum");
            }

            cached.Data.AsSpan(header, length).CopyTo(value.AsSpan(at));
            at += length;
        }

        return value;
    }

    private bool IsRemoteValid(CachedBlock block, int offset, int length)
    {
        ReadOnlySpan<byte> raw = block.Data;
        bool right = Be.U32(raw, 0) == RemoteMagic && Be.U32(raw, 4) == (uint)offset && Be.U32(raw, 8) == (uint)length
            && raw.Slice(16, 16).SequenceEqual(_volume.Super.MetaUuid) && Be.U64(raw, 32) == _inode.Number;
        return right && (block.Verified || XfsChecksum.IsValid(raw, RemoteCrc));
    }
}
