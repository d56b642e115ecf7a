using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>A sector that heads an allocation group ("Allocation Groups" of the XFS documentation).</summary>
internal abstract class AgHeader(XfsSuperblock super, int group, byte[] raw)
{
    /// <summary>The whole sector.</summary>
    public byte[] Raw { get; } = raw;

    public int Group { get; } = group;

    /// <summary>True if the sector has to be written.</summary>
    public bool Dirty { get; set; }

    protected XfsSuperblock Super { get; } = super;

    protected abstract int Sector { get; }

    protected abstract int CrcOffset { get; }

    /// <summary>Byte offset in the volume of a header sector of a group.</summary>
    public static long OffsetOf(XfsSuperblock super, int group, int sector) =>
        ((long)group * super.GroupBlocks << super.BlockLog) + ((long)sector << super.SectorLog);

    /// <summary>Writes the sector, with its checksum, if it was changed.</summary>
    public void Write(BlockDevice device)
    {
        if (!Dirty)
        {
            return;
        }

        if (Super.IsV5)
        {
            XfsChecksum.Stamp(Raw, CrcOffset);
        }

        device.Write(OffsetOf(Super, Group, Sector), Raw);
        Dirty = false;
    }

    protected static byte[] ReadSector(BlockDevice device, XfsSuperblock super, int group, int sector)
    {
        var raw = new byte[super.SectorSize];
        device.Read(OffsetOf(super, group, sector), raw);
        return raw;
    }

    protected uint Get(int offset) => Be.U32(Raw, offset);

    protected void Set(int offset, uint value)
    {
        Be.Set32(Raw, offset, value);
        Dirty = true;
    }

    protected void Check(uint magic, int uuid, string what)
    {
        if (Super.IsV5 && !XfsChecksum.IsValid(Raw, CrcOffset))
        {
            throw XfsErrors.Checksum(FormattableString.Invariant($"{what} of allocation group {Group}"));
        }

        if (Be.U32(Raw, 0) != magic || (Super.IsV5 && !Raw.AsSpan(uuid, 16).SequenceEqual(Super.MetaUuid)))
        {
            throw XfsErrors.Group(Group, $"{what} has a wrong magic number or UUID");
        }
    }
}

/// <summary>The AGF: free space of a group.</summary>
internal sealed class Agf : AgHeader
{
    private Agf(XfsSuperblock super, int group, byte[] raw)
        : base(super, group, raw)
    {
    }

    public uint Length => Get(12);

    public uint FirstFree
    {
        get => Get(40);
        set => Set(40, value);
    }

    public uint LastFree
    {
        get => Get(44);
        set => Set(44, value);
    }

    /// <summary>Blocks in the free list.</summary>
    public uint FreeListCount
    {
        get => Get(48);
        set => Set(48, value);
    }

    public uint FreeBlocks
    {
        get => Get(52);
        set => Set(52, value);
    }

    public uint Longest
    {
        get => Get(56);
        set => Set(56, value);
    }

    /// <summary>Blocks of the free space and reverse map trees without their roots.</summary>
    public uint TreeBlocks
    {
        get => Get(60);
        set => Set(60, value);
    }

    public uint ReverseMapBlocks
    {
        get => Get(80);
        set => Set(80, value);
    }

    public uint RefcountBlocks
    {
        get => Get(84);
        set => Set(84, value);
    }

    protected override int Sector => 1;

    protected override int CrcOffset => 216;

    /// <summary>Reads and checks the AGF of a group.</summary>
    public static Agf Read(BlockDevice device, XfsSuperblock super, int group)
    {
        var agf = new Agf(super, group, ReadSector(device, super, group, 1));
        agf.Check(0x58414746, 64, "the AGF");
        uint slots = (uint)Agfl.SlotsOf(super);
        if (agf.Get(4) != 1 || agf.Get(8) != (uint)group || agf.Length != super.BlocksIn(group)
            || agf.FirstFree >= slots || agf.LastFree >= slots || agf.FreeListCount > slots || agf.FreeBlocks > agf.Length)
        {
            throw XfsErrors.Group(group, "the AGF contradicts the geometry");
        }

        return agf;
    }

    /// <summary>Root block of a tree: 0 by block, 1 by size, 2 reverse map, 3 reference counts.</summary>
    public (uint Root, uint Levels) GetTree(int tree) => tree == 3 ? (Get(88), Get(92)) : (Get(16 + (tree * 4)), Get(28 + (tree * 4)));

    public void SetTree(int tree, uint root, uint levels)
    {
        Set(tree == 3 ? 88 : 16 + (tree * 4), root);
        Set(tree == 3 ? 92 : 28 + (tree * 4), levels);
    }
}

/// <summary>The AGI: inodes of a group.</summary>
internal sealed class Agi : AgHeader
{
    /// <summary>Buckets of the hash table of unlinked inodes.</summary>
    public const int UnlinkedBuckets = 64;

    /// <summary>No inode.</summary>
    public const uint Null = uint.MaxValue;

    private Agi(XfsSuperblock super, int group, byte[] raw)
        : base(super, group, raw)
    {
    }

    public uint Count
    {
        get => Get(16);
        set => Set(16, value);
    }

    public uint FreeCount
    {
        get => Get(28);
        set => Set(28, value);
    }

    /// <summary>First inode of the chunk allocated last.</summary>
    public uint NewInode
    {
        get => Get(32);
        set => Set(32, value);
    }

    /// <summary>Blocks of the inode tree, with <c>inobtcount</c>.</summary>
    public uint TreeBlocks
    {
        get => Get(336);
        set => Set(336, value);
    }

    /// <summary>Blocks of the free inode tree, with <c>inobtcount</c>.</summary>
    public uint FreeTreeBlocks
    {
        get => Get(340);
        set => Set(340, value);
    }

    protected override int Sector => 2;

    protected override int CrcOffset => 312;

    /// <summary>Reads and checks the AGI of a group.</summary>
    public static Agi Read(BlockDevice device, XfsSuperblock super, int group)
    {
        var agi = new Agi(super, group, ReadSector(device, super, group, 2));
        agi.Check(0x58414749, 296, "the AGI");
        if (agi.Get(4) != 1 || agi.Get(8) != (uint)group || agi.Get(12) != super.BlocksIn(group) || agi.FreeCount > agi.Count)
        {
            throw XfsErrors.Group(group, "the AGI contradicts the geometry");
        }

        return agi;
    }

    /// <summary>Root block of a tree: 0 all inodes, 1 free inodes.</summary>
    public (uint Root, uint Levels) GetTree(int tree) => tree == 0 ? (Get(20), Get(24)) : (Get(328), Get(332));

    public void SetTree(int tree, uint root, uint levels)
    {
        Set(tree == 0 ? 20 : 328, root);
        Set(tree == 0 ? 24 : 332, levels);
    }

    /// <summary>The first inode (in the group) of a list of unlinked inodes, or <see cref="Null"/>.</summary>
    public uint GetUnlinked(int bucket) => Get(40 + (bucket * 4));

    public void SetUnlinked(int bucket, uint inode) => Set(40 + (bucket * 4), inode);
}

/// <summary>The AGFL: a ring of blocks kept for the growth of the free space and reverse map trees.</summary>
internal sealed class Agfl : AgHeader
{
    private const int HeaderSize = 36;

    private Agfl(XfsSuperblock super, int group, byte[] raw)
        : base(super, group, raw)
    {
    }

    /// <summary>Number of slots.</summary>
    public int Slots => SlotsOf(Super);

    protected override int Sector => 3;

    protected override int CrcOffset => 32;

    public static int SlotsOf(XfsSuperblock super) => (super.SectorSize - (super.IsV5 ? HeaderSize : 0)) / 4;

    /// <summary>Reads and checks the AGFL of a group.</summary>
    public static Agfl Read(BlockDevice device, XfsSuperblock super, int group)
    {
        var agfl = new Agfl(super, group, ReadSector(device, super, group, 3));
        if (super.IsV5)
        {
            agfl.Check(0x5841464C, 8, "the AGFL");
            if (agfl.Get(4) != (uint)group)
            {
                throw XfsErrors.Group(group, "the AGFL belongs to another group");
            }
        }

        return agfl;
    }

    public uint GetSlot(uint slot) => Get(Offset(slot));

    public void SetSlot(uint slot, uint block) => Set(Offset(slot), block);

    private int Offset(uint slot) => (Super.IsV5 ? HeaderSize : 0) + ((int)slot * 4);
}
