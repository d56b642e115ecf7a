using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>Features that software may ignore (s_feature_compat).</summary>
[Flags]
internal enum ExtCompat : uint
{
    DirPrealloc = 1,
    ImagicInodes = 2,
    HasJournal = 4,
    ExtAttr = 8,
    ResizeInode = 0x10,
    DirIndex = 0x20,
    LazyBg = 0x40,
    ExcludeInode = 0x80,
    ExcludeBitmap = 0x100,
    SparseSuper2 = 0x200,
    FastCommit = 0x400,
    StableInodes = 0x800,
    OrphanFile = 0x1000,
}

/// <summary>Features that software must know to touch the file system at all (s_feature_incompat).</summary>
[Flags]
internal enum ExtIncompat : uint
{
    Compression = 1,
    FileType = 2,
    NeedsRecovery = 4,
    JournalDevice = 8,
    MetaBg = 0x10,
    Extents = 0x40,
    Bit64 = 0x80,
    Mmp = 0x100,
    FlexBg = 0x200,
    EaInode = 0x400,
    DirData = 0x1000,
    ChecksumSeed = 0x2000,
    LargeDir = 0x4000,
    InlineData = 0x8000,
    Encrypt = 0x10000,
    CaseFold = 0x20000,
}

/// <summary>Features that software must know to write (s_feature_ro_compat).</summary>
[Flags]
internal enum ExtRoCompat : uint
{
    SparseSuper = 1,
    LargeFile = 2,
    BtreeDir = 4,
    HugeFile = 8,
    GdtChecksum = 0x10,
    DirNlink = 0x20,
    ExtraIsize = 0x40,
    HasSnapshot = 0x80,
    Quota = 0x100,
    BigAlloc = 0x200,
    MetadataChecksum = 0x400,
    Replica = 0x800,
    ReadOnly = 0x1000,
    Project = 0x2000,
    SharedBlocks = 0x4000,
    Verity = 0x8000,
    OrphanPresent = 0x10000,
}

/// <summary>Which features can be read, which can be written, and the names that e2fsprogs gives to those that cannot.</summary>
internal static class ExtFeatures
{
    private const ExtIncompat ReadableIncompat =
        ExtIncompat.FileType | ExtIncompat.NeedsRecovery | ExtIncompat.MetaBg | ExtIncompat.Extents | ExtIncompat.Bit64 | ExtIncompat.Mmp
        | ExtIncompat.FlexBg | ExtIncompat.EaInode | ExtIncompat.ChecksumSeed | ExtIncompat.LargeDir | ExtIncompat.InlineData
        | ExtIncompat.Encrypt | ExtIncompat.CaseFold;

    private const ExtRoCompat WritableRoCompat =
        ExtRoCompat.SparseSuper | ExtRoCompat.LargeFile | ExtRoCompat.BtreeDir | ExtRoCompat.HugeFile | ExtRoCompat.GdtChecksum
        | ExtRoCompat.DirNlink | ExtRoCompat.ExtraIsize | ExtRoCompat.Quota | ExtRoCompat.BigAlloc | ExtRoCompat.MetadataChecksum
        | ExtRoCompat.Project | ExtRoCompat.Verity | ExtRoCompat.OrphanPresent;

    private const ExtCompat UnwritableCompat = ExtCompat.LazyBg | ExtCompat.ExcludeInode | ExtCompat.ExcludeBitmap;

    private static readonly Dictionary<uint, string> s_incompatNames = new()
    {
        [1] = "compression",
        [8] = "journal_dev",
        [0x20] = "FEATURE_I5",
        [0x800] = "FEATURE_I11",
        [0x1000] = "dirdata",
    };

    private static readonly Dictionary<uint, string> s_roCompatNames = new()
    {
        [0x80] = "has_snapshot",
        [0x800] = "replica",
        [0x1000] = "read-only",
        [0x4000] = "shared_blocks",
    };

    private static readonly Dictionary<uint, string> s_compatNames = new()
    {
        [0x40] = "lazy_bg",
        [0x80] = "exclude_inode",
        [0x100] = "snapshot_bitmap",
    };

    /// <summary>Refuses, by name, what cannot be read.</summary>
    public static void CheckReadable(Superblock super)
    {
        if (super.Has(ExtIncompat.JournalDevice))
        {
            throw V2VException.Unsupported(
                "ExtJournalDevice", "The volume is the external journal of an ext4 file system, not a file system.", super.DisplayName);
        }

        Refuse((uint)super.Incompat & ~(uint)ReadableIncompat, s_incompatNames, 'I', "be read", super);
    }

    /// <summary>Refuses, by name, what cannot be written.</summary>
    public static void CheckWritable(Superblock super)
    {
        Refuse((uint)super.RoCompat & ~(uint)WritableRoCompat, s_roCompatNames, 'R', "be written", super);
        Refuse((uint)(super.Compat & UnwritableCompat), s_compatNames, 'C', "be written", super);
        if (super.CreatorOs is 1)
        {
            throw Unsupported("hurd", "be written", super);
        }
    }

    private static void Refuse(uint bits, Dictionary<uint, string> names, char set, string what, Superblock super)
    {
        if (bits != 0)
        {
            int bit = System.Numerics.BitOperations.TrailingZeroCount(bits);
            throw Unsupported(names.GetValueOrDefault(1u << bit) ?? FormattableString.Invariant($"FEATURE_{set}{bit}"), what, super);
        }
    }

    private static V2VException Unsupported(string feature, string what, Superblock super) => V2VException.Unsupported(
        "ExtFeatureUnsupported",
        $"The ext4 feature '{feature}' cannot {what}.",
        super.DisplayName,
        "Turn the feature off inside the guest with tune2fs, or copy the files to a file system made without it.");
}
