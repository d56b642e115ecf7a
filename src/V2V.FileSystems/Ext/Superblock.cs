using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>
/// The superblock: 1024 bytes at byte 1024 of the volume (kernel documentation, filesystems/ext4, "The Super Block"). Checked
/// on construction so that the geometry derived from it can be trusted.
/// </summary>
internal sealed class Superblock
{
    public const int Offset = 1024;
    public const int Size = 1024;
    private const int ChecksumOffset = 0x3FC;

    private Superblock(byte[] raw) => Raw = raw;

    public byte[] Raw { get; }

    public ExtCompat Compat { get; private set; }

    public ExtIncompat Incompat { get; private set; }

    public ExtRoCompat RoCompat { get; private set; }

    public int BlockSize { get; private set; }

    /// <summary>Blocks in a cluster, the unit of allocation: 1 without bigalloc.</summary>
    public int ClusterRatio { get; private set; }

    public int InodeSize { get; private set; }

    public int DescriptorSize { get; private set; }

    public long BlockCount { get; private set; }

    public int GroupCount { get; private set; }

    public uint InodeCount => Le.U32(Raw, 0);

    public uint FirstDataBlock => Le.U32(Raw, 0x14);

    public uint BlocksPerGroup => Le.U32(Raw, 0x20);

    public uint ClustersPerGroup => BlocksPerGroup / (uint)ClusterRatio;

    public uint InodesPerGroup => Le.U32(Raw, 0x28);

    public long ReservedBlocks => Le.U32(Raw, 8) | (Has(ExtIncompat.Bit64) ? (long)Le.U32(Raw, 0x154) << 32 : 0);

    /// <summary>Free blocks; with bigalloc still counted in blocks here, on disk in clusters.</summary>
    public long FreeBlocks
    {
        get => (Le.U32(Raw, 0xC) | (Has(ExtIncompat.Bit64) ? (long)Le.U32(Raw, 0x158) << 32 : 0)) * ClusterRatio;
        set
        {
            long clusters = value / ClusterRatio;
            Le.Set32(Raw, 0xC, (uint)clusters);
            if (Has(ExtIncompat.Bit64))
            {
                Le.Set32(Raw, 0x158, (uint)(clusters >> 32));
            }
        }
    }

    public uint FreeInodes
    {
        get => Le.U32(Raw, 0x10);
        set => Le.Set32(Raw, 0x10, value);
    }

    public ushort State => Le.U16(Raw, 0x3A);

    public uint CreatorOs => Le.U32(Raw, 0x48);

    public bool IsDynamic => Le.U32(Raw, 0x4C) >= 1;

    public uint FirstInode => IsDynamic ? Le.U32(Raw, 0x54) : 11;

    public uint JournalInode => Le.U32(Raw, 0xE0);

    public uint LastOrphan
    {
        get => Le.U32(Raw, 0xE8);
        set => Le.Set32(Raw, 0xE8, value);
    }

    public byte DefaultHashVersion => Raw[0xFC];

    public uint ReservedGdtBlocks => Le.U16(Raw, 0xCE);

    public uint FirstMetaBg => Le.U32(Raw, 0x104);

    public int WantExtraSize => Le.U16(Raw, 0x15E);

    /// <summary>True if directory hashes take the characters of a name as unsigned.</summary>
    public bool UnsignedHash => (Le.U32(Raw, 0x160) & 2) != 0;

    public long MmpBlock => (long)Le.U64(Raw, 0x168);

    public uint OrphanFileInode => Le.U32(Raw, 0x280);

    /// <summary>Quota inodes of users, groups and projects; 0 where there is none.</summary>
    public uint QuotaInode(int kind) => Le.U32(Raw, kind switch { 0 => 0x240, 1 => 0x244, _ => 0x26C });

    public ReadOnlySpan<byte> HashSeed => Raw.AsSpan(0xEC, 16);

    public ReadOnlySpan<byte> UuidBytes => Raw.AsSpan(0x68, 16);

    public string Label => GuestName.Decode(UpToNul(Raw.AsSpan(0x78, 16)));

    public string DisplayName => Label.Length > 0 ? $"ext file system '{Label}'" : "ext file system";

    public bool HasChecksums => Has(ExtRoCompat.MetadataChecksum);

    /// <summary>True if group descriptors carry a checksum, and so groups may be lazily initialised.</summary>
    public bool HasGroupChecksums => Has(ExtRoCompat.MetadataChecksum) || Has(ExtRoCompat.GdtChecksum);

    /// <summary>What every CRC-32C of the file system starts from.</summary>
    public uint ChecksumSeed { get; private set; }

    public bool Has(ExtCompat feature) => (Compat & feature) != 0;

    public bool Has(ExtIncompat feature) => (Incompat & feature) != 0;

    public bool Has(ExtRoCompat feature) => (RoCompat & feature) != 0;

    public void Set(ExtCompat feature)
    {
        Compat |= feature;
        Le.Set32(Raw, 0x5C, (uint)Compat);
    }

    public void Set(ExtIncompat feature, bool on)
    {
        Incompat = on ? Incompat | feature : Incompat & ~feature;
        Le.Set32(Raw, 0x60, (uint)Incompat);
    }

    public void Set(ExtRoCompat feature, bool on)
    {
        RoCompat = on ? RoCompat | feature : RoCompat & ~feature;
        Le.Set32(Raw, 0x64, (uint)RoCompat);
    }

    /// <summary>Reads and checks the primary superblock.</summary>
    public static Superblock Read(BlockDevice device)
    {
        if (device.Length < Offset + Size)
        {
            throw Invalid("the volume is too small to hold one");
        }

        var raw = new byte[Size];
        device.Read(Offset, raw);
        var super = new Superblock(raw);
        super.Parse();
        if (super.BlockCount > device.Length / super.BlockSize)
        {
            throw V2VException.Corrupt(
                "ExtVolumeTruncated",
                FormattableString.Invariant($"The file system has {super.BlockCount} blocks of {super.BlockSize} bytes, but its volume has only {device.Length} bytes."),
                super.DisplayName);
        }

        return super;
    }

    /// <summary>Writes the superblock with a fresh checksum and write time.</summary>
    public void Write(BlockDevice device)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Le.Set32(Raw, 0x30, (uint)now);
        Raw[0x274] = (byte)(now >> 32);
        if (HasChecksums)
        {
            Le.Set32(Raw, ChecksumOffset, ExtChecksum.Crc32C(uint.MaxValue, Raw.AsSpan(0, ChecksumOffset)));
        }

        device.Write(Offset, Raw);
    }

    /// <summary>True if a group holds a copy of the superblock.</summary>
    public bool GroupHasSuper(int group)
    {
        if (group == 0)
        {
            return true;
        }

        if (Has(ExtCompat.SparseSuper2))
        {
            return group == Le.U32(Raw, 0x24C) || group == Le.U32(Raw, 0x250);
        }

        return group == 1 || !Has(ExtRoCompat.SparseSuper)
            || ((group & 1) != 0 && (IsPower(group, 3) || IsPower(group, 5) || IsPower(group, 7)));
    }

    private static bool IsPower(int value, int of)
    {
        long power = of;
        while (power < value)
        {
            power *= of;
        }

        return power == value;
    }

    private static V2VException Invalid(string what) => V2VException.Corrupt("ExtSuperblockInvalid", $"The ext superblock is not valid: {what}.");

    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> text) => text.IndexOf((byte)0) is >= 0 and int end ? text[..end] : text;

    private void Parse()
    {
        if (Le.U16(Raw, 0x38) != 0xEF53)
        {
            throw Invalid("its magic number is missing");
        }

        if (IsDynamic)
        {
            Compat = (ExtCompat)Le.U32(Raw, 0x5C);
            Incompat = (ExtIncompat)Le.U32(Raw, 0x60);
            RoCompat = (ExtRoCompat)Le.U32(Raw, 0x64);
        }

        ExtFeatures.CheckReadable(this);
        ChecksumSeed = Has(ExtIncompat.ChecksumSeed) ? Le.U32(Raw, 0x270) : ExtChecksum.Crc32C(uint.MaxValue, UuidBytes);
        if (HasChecksums)
        {
            if (Raw[0x175] != 1)
            {
                throw V2VException.Unsupported("ExtFeatureUnsupported", FormattableString.Invariant($"The metadata checksum type {Raw[0x175]} is unknown."), DisplayName);
            }

            if (Le.U32(Raw, ChecksumOffset) != ExtChecksum.Crc32C(uint.MaxValue, Raw.AsSpan(0, ChecksumOffset)))
            {
                throw ExtErrors.Checksum("the superblock");
            }
        }

        ParseGeometry();
    }

    private void ParseGeometry()
    {
        uint logBlock = Le.U32(Raw, 0x18);
        uint logCluster = Le.U32(Raw, 0x1C);
        if (logBlock > 6)
        {
            throw Invalid("its block size is out of range");
        }

        BlockSize = 1024 << (int)logBlock;
        ClusterRatio = 1;
        if (Has(ExtRoCompat.BigAlloc))
        {
            if (logCluster < logBlock || logCluster > 20)
            {
                throw Invalid("its cluster size is out of range");
            }

            ClusterRatio = 1 << (int)(logCluster - logBlock);
        }

        InodeSize = IsDynamic ? Le.U16(Raw, 0x58) : 128;
        if (InodeSize < 128 || InodeSize > BlockSize || !int.IsPow2(InodeSize))
        {
            throw Invalid("its inode size is out of range");
        }

        DescriptorSize = Has(ExtIncompat.Bit64) ? Le.U16(Raw, 0xFE) : 32;
        if (DescriptorSize < (Has(ExtIncompat.Bit64) ? 64 : 32) || DescriptorSize > BlockSize || !int.IsPow2(DescriptorSize))
        {
            throw Invalid("its group descriptor size is out of range");
        }

        BlockCount = Le.U32(Raw, 4) | (Has(ExtIncompat.Bit64) ? (long)Le.U32(Raw, 0x150) << 32 : 0);
        if (BlockCount <= FirstDataBlock || BlockCount < 0 || BlockCount > long.MaxValue / BlockSize || FirstDataBlock > 1)
        {
            throw Invalid("its number of blocks is out of range");
        }

        uint perGroup = BlocksPerGroup;
        if (perGroup < 8 || perGroup % 8 != 0 || perGroup % ClusterRatio != 0 || ClustersPerGroup > (uint)BlockSize * 8
            || ClustersPerGroup % 8 != 0 || (Has(ExtRoCompat.BigAlloc) && Le.U32(Raw, 0x24) != ClustersPerGroup))
        {
            throw Invalid("its number of blocks per group is out of range");
        }

        if (InodesPerGroup == 0 || InodesPerGroup > (uint)BlockSize * 8 || InodesPerGroup % 8 != 0)
        {
            throw Invalid("its number of inodes per group is out of range");
        }

        long groups = (BlockCount - FirstDataBlock + perGroup - 1) / perGroup;
        if (groups > 1 << 30 || groups * InodesPerGroup != InodeCount)
        {
            throw Invalid("its number of inodes does not match its number of groups");
        }

        GroupCount = (int)groups;
    }
}
