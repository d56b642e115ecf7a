using System.Numerics;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>
/// The superblock of allocation group 0 ("Superblocks" of the XFS documentation) and the geometry that follows from it.
/// Three kinds of block number are in use: a file system block number (group in the high bits, <see cref="GroupBlockLog"/> bits of
/// block in the group below), a block of the group, and a linear block of the volume. An inode number is a file system block number
/// with <see cref="InodesPerBlockLog"/> bits of index below.
/// </summary>
internal sealed class XfsSuperblock
{
    /// <summary>Bytes of the superblock that mean something; the rest of its sector is zero.</summary>
    public const int Size = 512;

    public const int CrcOffset = 224;
    private const int LsnOffset = 240;

    private XfsSuperblock(byte[] raw) => Raw = raw;

    /// <summary>The whole sector.</summary>
    public byte[] Raw { get; }

    public int BlockSize => (int)Be.U32(Raw, 4);

    public int BlockLog => Raw[120];

    /// <summary>Blocks in the volume.</summary>
    public long BlockCount => (long)Be.U64(Raw, 8);

    public ulong RealtimeBlocks => Be.U64(Raw, 16);

    public ReadOnlySpan<byte> UuidBytes => Raw.AsSpan(32, 16);

    /// <summary>The UUID that is stamped on metadata.</summary>
    public ReadOnlySpan<byte> MetaUuid => Has(XfsIncompat.MetaUuid) ? Raw.AsSpan(248, 16) : UuidBytes;

    /// <summary>First block of the internal log as a file system block number; 0 if the log is external.</summary>
    public ulong LogStart => Be.U64(Raw, 48);

    public uint LogBlocks => Be.U32(Raw, 96);

    /// <summary>Stripe unit of the log in bytes; 0 or 1 is none.</summary>
    public uint LogStripeUnit => Be.U32(Raw, 196);

    /// <summary>Sector size of the log in bytes.</summary>
    public int LogSectorSize => Be.U16(Raw, 194) == 0 ? 512 : Be.U16(Raw, 194);

    public ulong RootInode => Be.U64(Raw, 56);

    public uint GroupBlocks => Be.U32(Raw, 84);

    public int GroupCount => (int)Be.U32(Raw, 88);

    public int GroupBlockLog => Raw[124];

    public XfsVersion Version => (XfsVersion)(Be.U16(Raw, 100) & 0xFFF0);

    public int VersionNumber => Be.U16(Raw, 100) & 0xF;

    public bool IsV5 => VersionNumber == 5;

    public XfsFeatures2 Features2 => IsV5 || (Version & XfsVersion.MoreBits) != 0 ? (XfsFeatures2)Be.U32(Raw, 200) : XfsFeatures2.None;

    public XfsRoCompat RoCompat => IsV5 ? (XfsRoCompat)Be.U32(Raw, 212) : XfsRoCompat.None;

    public XfsIncompat Incompat => IsV5 ? (XfsIncompat)Be.U32(Raw, 216) : XfsIncompat.None;

    /// <summary>sb_features_log_incompat: what a dirty log may hold besides; bit 0 logged attributes.</summary>
    public uint LogIncompat
    {
        get => IsV5 ? Be.U32(Raw, 220) : 0;
        set => Be.Set32(Raw, 220, value);
    }

    public int SectorSize => Be.U16(Raw, 102);

    public int SectorLog => Raw[121];

    public int InodeSize => Be.U16(Raw, 104);

    public int InodeLog => Raw[122];

    public int InodesPerBlock => Be.U16(Raw, 106);

    public int InodesPerBlockLog => Raw[123];

    /// <summary>Percentage of the volume that inodes may take; 0 is no limit.</summary>
    public int MaxInodePercent => Raw[127];

    public string Label
    {
        get
        {
            ReadOnlySpan<byte> name = Raw.AsSpan(108, 12);
            int end = name.IndexOf((byte)0);
            return GuestName.Decode(end < 0 ? name : name[..end]);
        }
    }

    public string DisplayName => Label.Length > 0 ? Label : new Guid(UuidBytes, bigEndian: true).ToString("D");

    public ulong InodeCount
    {
        get => Be.U64(Raw, 128);
        set => Be.Set64(Raw, 128, value);
    }

    public ulong FreeInodes
    {
        get => Be.U64(Raw, 136);
        set => Be.Set64(Raw, 136, value);
    }

    public ulong FreeBlocks
    {
        get => Be.U64(Raw, 144);
        set => Be.Set64(Raw, 144, value);
    }

    public int QuotaFlags
    {
        get => Be.U16(Raw, 176);
        set => Be.Set16(Raw, 176, value);
    }

    /// <summary>Alignment of inode chunks in blocks; 1 if there is none.</summary>
    public uint InodeAlignment => (Version & XfsVersion.InodeAlignment) != 0 || IsV5 ? Math.Max(1, Be.U32(Raw, 180)) : 1;

    /// <summary>Alignment of sparse inode chunks in blocks.</summary>
    public uint SparseInodeAlignment => Math.Max(1, Be.U32(Raw, 228));

    /// <summary>Size of a directory block in bytes.</summary>
    public int DirectoryBlockSize => BlockSize << Raw[192];

    /// <summary>Log2 of the file system blocks in a directory block.</summary>
    public int DirectoryBlockLog => Raw[192];

    public ulong Lsn => IsV5 ? Be.U64(Raw, LsnOffset) : 0;

    public bool HasFileType => IsV5 ? Has(XfsIncompat.FileType) : (Features2 & XfsFeatures2.FileType) != 0;

    public bool HasLazyCounters => IsV5 || (Features2 & XfsFeatures2.LazyCounters) != 0;

    public bool HasProjectId32 => IsV5 || (Features2 & XfsFeatures2.ProjectId32) != 0;

    public bool HasSparseInodes => Has(XfsIncompat.SparseInodes);

    public bool HasFreeInodeTree => Has(XfsRoCompat.FreeInodeTree);

    public bool HasReverseMap => Has(XfsRoCompat.ReverseMapTree);

    public bool HasReflink => Has(XfsRoCompat.Reflink);

    public bool HasInodeTreeCounters => Has(XfsRoCompat.InodeTreeCounters);

    /// <summary>True if every inode knows its names.</summary>
    public bool HasParentPointers => Has(XfsIncompat.Parent);

    public bool IsCaseInsensitive => (Version & XfsVersion.AsciiCaseInsensitive) != 0;

    public bool Has(XfsIncompat feature) => (Incompat & feature) != 0;

    public bool Has(XfsRoCompat feature) => (RoCompat & feature) != 0;

    /// <summary>Blocks in a group; the last one may be shorter.</summary>
    public uint BlocksIn(int group) =>
        group < GroupCount - 1 ? GroupBlocks : (uint)(BlockCount - ((long)GroupBlocks * (GroupCount - 1)));

    public int GroupOf(ulong fsBlock) => (int)Math.Min(fsBlock >> GroupBlockLog, int.MaxValue);

    public uint BlockInGroup(ulong fsBlock) => (uint)(fsBlock & ((1UL << GroupBlockLog) - 1));

    public ulong FsBlock(int group, uint block) => ((ulong)group << GroupBlockLog) | block;

    /// <summary>True if a run of blocks lies within one group.</summary>
    public bool IsValid(ulong fsBlock, ulong count) =>
        fsBlock >> GroupBlockLog < (ulong)GroupCount && count > 0 && count <= GroupBlocks
        && BlockInGroup(fsBlock) + count <= BlocksIn(GroupOf(fsBlock));

    /// <summary>The linear block of the volume that a file system block number names.</summary>
    public long Linear(ulong fsBlock) => ((long)GroupOf(fsBlock) * GroupBlocks) + BlockInGroup(fsBlock);

    /// <summary>Byte offset in the volume of a file system block number.</summary>
    public long OffsetOf(ulong fsBlock) => Linear(fsBlock) << BlockLog;

    /// <summary>Reads and checks the superblock of a volume.</summary>
    /// <exception cref="V2VException">It is damaged, the volume is too short, or a feature cannot be handled.</exception>
    public static XfsSuperblock Read(BlockDevice device)
    {
        var first = new byte[Size];
        if (device.Length < Size)
        {
            throw XfsErrors.Superblock("the volume is shorter than a superblock");
        }

        device.Read(0, first);
        if (Be.U32(first, 0) != 0x58465342)
        {
            throw XfsErrors.Superblock("the magic number is missing");
        }

        int sectorSize = Be.U16(first, 102);
        if (!BitOperations.IsPow2(sectorSize) || sectorSize is < 512 or > 32768 || sectorSize > device.Length)
        {
            throw XfsErrors.Superblock("the sector size is out of range");
        }

        var raw = new byte[sectorSize];
        device.Read(0, raw);
        var super = new XfsSuperblock(raw);
        if (super.VersionNumber is not (4 or 5))
        {
            throw V2VException.Unsupported(
                "XfsFeatureUnsupported", FormattableString.Invariant($"The file system is of version {super.VersionNumber}; 4 and 5 are supported."), super.DisplayName);
        }

        if (super.IsV5 && !XfsChecksum.IsValid(raw, CrcOffset))
        {
            throw XfsErrors.Checksum("the superblock");
        }

        super.CheckGeometry(device.Length);
        XfsFeatures.CheckReadable(super);
        return super;
    }

    /// <summary>Stores the checksum and writes the sector to the volume.</summary>
    public void Write(BlockDevice device)
    {
        if (IsV5)
        {
            XfsChecksum.Stamp(Raw, CrcOffset);
        }

        device.Write(0, Raw);
    }

    /// <summary>Notes that inodes may have attribute forks, of any size.</summary>
    public void AddAttributes()
    {
        int version = Be.U16(Raw, 100) | (int)XfsVersion.Attributes;
        if (!IsV5)
        {
            version |= (int)XfsVersion.MoreBits;
            uint features = (uint)(Features2 | XfsFeatures2.Attributes2);
            Be.Set32(Raw, 200, features);
            Be.Set32(Raw, 204, features);
        }

        Be.Set16(Raw, 100, version);
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw XfsErrors.Superblock(what);
        }
    }

    private void CheckGeometry(long length)
    {
        Require(Raw[126] == 0, "mkfs or growfs was not completed");
        Require(BlockSize is >= 512 and <= 65536 && BlockSize == 1L << BlockLog, "the block size is out of range");
        Require(SectorSize == 1 << SectorLog && SectorSize <= BlockSize, "the sector size is out of range");
        Require(InodeSize is >= 256 and <= 2048 && InodeSize == 1 << InodeLog && InodeSize <= BlockSize / 2, "the inode size is out of range");
        Require(!IsV5 || (InodeSize >= 512 && BlockSize >= 1024), "the inode or block size is too small for version 5");
        Require(InodesPerBlock == BlockSize / InodeSize && InodesPerBlock == 1 << InodesPerBlockLog, "the number of inodes in a block is wrong");
        Require(GroupCount > 0 && GroupBlocks >= 64, "the allocation groups are too small");
        Require(GroupBlockLog == BitOperations.Log2(GroupBlocks - 1) + 1 && GroupBlockLog + InodesPerBlockLog <= 32, "the width of a block number is wrong");
        long before = (long)GroupBlocks * (GroupCount - 1);
        Require(BlockCount > before + 4 && BlockCount <= before + GroupBlocks, "the number of allocation groups is wrong");
        Require(Raw[192] <= 7 && DirectoryBlockSize <= 65536, "the size of a directory block is out of range");
        Require(LogSectorSize >= 512 && BitOperations.IsPow2(LogSectorSize) && LogSectorSize <= 32768, "the sector size of the log is out of range");
        Require(LogStart == 0 || (LogBlocks > 0 && IsValid(LogStart, LogBlocks)), "the log lies outside its allocation group");
        if (BlockCount > length >> BlockLog)
        {
            throw V2VException.Corrupt(
                "XfsVolumeTruncated",
                FormattableString.Invariant($"The file system has {BlockCount} blocks of {BlockSize} bytes, but the volume only {length} bytes."),
                DisplayName);
        }
    }
}
