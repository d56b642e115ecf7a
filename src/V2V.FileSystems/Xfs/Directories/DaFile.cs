using V2V.FileSystems.Xfs.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Xfs.Directories;

/// <summary>A directory or attribute block in memory: one file system block, or several that need not be neighbours.</summary>
internal sealed class DaBuffer(uint number, byte[] data, CachedBlock[] pieces)
{
    /// <summary>Its first file system block in the fork: blocks are numbered by these, whatever their size.</summary>
    public uint Number { get; } = number;

    /// <summary>The content; after a change <see cref="DaFile.Write"/> must be called.</summary>
    public byte[] Data { get; } = data;

    public CachedBlock[] Pieces { get; } = pieces;
}

/// <summary>
/// A fork seen as blocks of directories or attributes ("Directories" and "Extended Attributes" of the XFS documentation): reading with
/// the checks of self-describing metadata, allocation and release.
/// </summary>
internal sealed class DaFile(XfsVolume volume, XfsInode inode, Fork fork, int blockLog)
{
    public const int Leaf1Magic = 0xD2F1;
    public const int Leaf1MagicV5 = 0x3DF1;
    public const int LeafNMagic = 0xD2FF;
    public const int LeafNMagicV5 = 0x3DFF;
    public const int NodeMagic = 0xFEBE;
    public const int NodeMagicV5 = 0x3EBE;
    public const int AttributeLeafMagic = 0xFBEE;
    public const int AttributeLeafMagicV5 = 0x3BEE;

    private const int InfoSizeV4 = 12;
    private const int InfoSizeV5 = 56;
    private const int DataHeaderCrc = 4;
    private const int InfoCrc = 12;

    public XfsVolume Volume => volume;

    public XfsInode Inode => inode;

    public Fork Fork => fork;

    /// <summary>File system blocks in one block.</summary>
    public int BlocksEach => 1 << blockLog;

    public int Size => volume.BlockSize << blockLog;

    /// <summary>Bytes of the header that links leaves and nodes.</summary>
    public int InfoSize => volume.Super.IsV5 ? InfoSizeV5 : InfoSizeV4;

    /// <summary>Bytes before the entries of a leaf or node of a directory, or of a node of attributes.</summary>
    public int EntriesOffset => volume.Super.IsV5 ? 64 : 16;

    public static uint Forward(ReadOnlySpan<byte> block) => Be.U32(block, 0);

    public static int Magic(ReadOnlySpan<byte> block) => Be.U16(block, 8);

    /// <summary>True if a block is allocated.</summary>
    public bool Exists(uint number) => fork.Find(number, 1).Kind != BlockRunKind.Hole;

    /// <summary>Reads a leaf or node, which links to its siblings.</summary>
    public DaBuffer ReadLinked(uint number) => Read(number, InfoCrc, 16, 32, 48);

    /// <summary>Reads a block of entries or of free space.</summary>
    public DaBuffer ReadData(uint number) => Read(number, DataHeaderCrc, 8, 24, 40);

    /// <summary>Allocates a leaf or node; zero but for its header.</summary>
    public DaBuffer NewLinked(uint number, int magic)
    {
        DaBuffer buffer = New(number);
        StampLinked(buffer, magic);
        return buffer;
    }

    /// <summary>Allocates a block of entries or of free space; zero but for its header.</summary>
    public DaBuffer NewData(uint number, uint magic)
    {
        DaBuffer buffer = New(number);
        StampData(buffer, magic);
        return buffer;
    }

    /// <summary>Fills the header of a leaf or node without siblings.</summary>
    public void StampLinked(DaBuffer buffer, int magic)
    {
        byte[] data = buffer.Data;
        Be.Set16(data, 8, magic);
        if (volume.Super.IsV5)
        {
            Be.Set64(data, 16, Address(buffer));
            volume.Super.MetaUuid.CopyTo(data.AsSpan(32));
            Be.Set64(data, 48, inode.Number);
        }
    }

    /// <summary>Fills the header of a block of entries or of free space.</summary>
    public void StampData(DaBuffer buffer, uint magic)
    {
        byte[] data = buffer.Data;
        Be.Set32(data, 0, magic);
        if (volume.Super.IsV5)
        {
            Be.Set64(data, 8, Address(buffer));
            volume.Super.MetaUuid.CopyTo(data.AsSpan(24));
            Be.Set64(data, 40, inode.Number);
        }
    }

    /// <summary>Stores a changed leaf or node in the cache.</summary>
    public void WriteLinked(DaBuffer buffer) => Write(buffer, InfoCrc);

    /// <summary>Stores a changed block of entries or of free space in the cache.</summary>
    public void WriteData(DaBuffer buffer) => Write(buffer, DataHeaderCrc);

    /// <summary>Frees a block.</summary>
    public void Free(uint number) => fork.Unmap(number, BlocksEach);

    /// <summary>The first block from <paramref name="first"/> on that is not allocated.</summary>
    public uint FirstHole(uint first)
    {
        long logical = first;
        while (true)
        {
            BlockRun run = fork.Find(logical, long.MaxValue);
            if (run.Kind == BlockRunKind.Hole)
            {
                return (uint)((logical + BlocksEach - 1) / BlocksEach * BlocksEach);
            }

            logical = run.Logical + run.Count;
        }
    }

    public V2VException Damaged(string what) =>
        fork.IsAttribute ? XfsErrors.Attributes(inode.Number, what) : XfsErrors.Directory(inode.Number, what);

    private ulong Address(DaBuffer buffer) => (ulong)buffer.Pieces[0].Number << (volume.Super.BlockLog - 9);

    private DaBuffer Read(uint number, int crc, int addressOffset, int uuidOffset, int ownerOffset)
    {
        DaBuffer buffer = Assemble(number);
        byte[] data = buffer.Data;
        if (!volume.Super.IsV5 || (blockLog == 0 && buffer.Pieces[0].Verified))
        {
            return buffer;
        }

        if (!XfsChecksum.IsValid(data, crc))
        {
            throw XfsErrors.Checksum(FormattableString.Invariant($"block {number} of the {(fork.IsAttribute ? "attributes" : "directory")} of inode {inode.Number}"));
        }

        if (Be.U64(data, addressOffset) != Address(buffer) || !data.AsSpan(uuidOffset, 16).SequenceEqual(volume.Super.MetaUuid)
            || Be.U64(data, ownerOffset) != inode.Number)
        {
            throw Damaged("a block belongs to another file");
        }

        if (blockLog == 0)
        {
            buffer.Pieces[0].Verified = true;
            buffer.Pieces[0].CrcOffset = crc;
        }

        return buffer;
    }

    private DaBuffer Assemble(uint number)
    {
        long logical = number;
        var pieces = new CachedBlock[BlocksEach];
        for (int i = 0; i < pieces.Length; i++)
        {
            BlockRun run = fork.Find(logical + i, 1);
            if (run.Kind != BlockRunKind.Data)
            {
                throw Damaged("a block is missing");
            }

            pieces[i] = volume.Cache.Get(volume.Super.Linear(run.FsBlock));
        }

        if (pieces.Length == 1)
        {
            return new DaBuffer(number, pieces[0].Data, pieces);
        }

        var data = new byte[Size];
        for (int i = 0; i < pieces.Length; i++)
        {
            pieces[i].Data.CopyTo(data, i * volume.BlockSize);
        }

        return new DaBuffer(number, data, pieces);
    }

    private DaBuffer New(uint number)
    {
        long logical = number;
        long end = logical + BlocksEach;
        while (logical < end)
        {
            logical += fork.Allocate(logical, end - logical).Count;
        }

        logical = number;
        var pieces = new CachedBlock[BlocksEach];
        for (int i = 0; i < pieces.Length; i++)
        {
            pieces[i] = volume.Cache.GetNew(volume.Super.Linear(fork.Find(logical + i, 1).FsBlock));
        }

        return new DaBuffer(number, pieces.Length == 1 ? pieces[0].Data : new byte[Size], pieces);
    }

    private void Write(DaBuffer buffer, int crc)
    {
        bool single = buffer.Pieces.Length == 1;
        if (volume.Super.IsV5 && !single)
        {
            XfsChecksum.Stamp(buffer.Data, crc);
        }

        for (int i = 0; i < buffer.Pieces.Length; i++)
        {
            CachedBlock piece = buffer.Pieces[i];
            piece.CrcOffset = volume.Super.IsV5 && single ? crc : -1;
            if (!single)
            {
                buffer.Data.AsSpan(i * volume.BlockSize, volume.BlockSize).CopyTo(piece.Data);
            }

            volume.Cache.MarkDirty(piece);
        }
    }
}
