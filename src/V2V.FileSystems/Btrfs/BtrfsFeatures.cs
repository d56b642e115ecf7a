using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>Incompatible features (On-disk Format, "Superblock": incompat_flags).</summary>
[Flags]
internal enum BtrfsIncompat : ulong
{
    MixedBackref = 1 << 0,
    DefaultSubvolume = 1 << 1,
    MixedGroups = 1 << 2,
    CompressLzo = 1 << 3,
    CompressZstd = 1 << 4,
    BigMetadata = 1 << 5,
    ExtendedInodeRef = 1 << 6,
    Raid56 = 1 << 7,
    SkinnyMetadata = 1 << 8,
    NoHoles = 1 << 9,
    MetadataUuid = 1 << 10,
    Raid1C34 = 1 << 11,
    Zoned = 1 << 12,
    ExtentTreeV2 = 1 << 13,
    RaidStripeTree = 1 << 14,
    SimpleQuota = 1 << 16,
}

/// <summary>Features that a reader may ignore (compat_ro_flags).</summary>
[Flags]
internal enum BtrfsRoCompat : ulong
{
    FreeSpaceTree = 1 << 0,
    FreeSpaceTreeValid = 1 << 1,
    Verity = 1 << 2,
    BlockGroupTree = 1 << 3,
}

/// <summary>Which features can be handled.</summary>
internal static class BtrfsFeatures
{
    private const BtrfsIncompat Readable = (BtrfsIncompat)0xFFF | BtrfsIncompat.SimpleQuota;
    private const BtrfsIncompat Writable = Readable & ~(BtrfsIncompat.SimpleQuota | BtrfsIncompat.Raid56);
    private const BtrfsRoCompat WritableRo = (BtrfsRoCompat)0xF;

    private static readonly (BtrfsIncompat Flag, string Name)[] s_names =
    [
        (BtrfsIncompat.Raid56, "RAID5 or RAID6 (raid56)"),
        (BtrfsIncompat.Zoned, "zoned mode"),
        (BtrfsIncompat.ExtentTreeV2, "extent-tree-v2"),
        (BtrfsIncompat.RaidStripeTree, "raid-stripe-tree"),
        (BtrfsIncompat.SimpleQuota, "simple quotas"),
    ];

    /// <summary>Refuses what cannot be read.</summary>
    /// <exception cref="V2VException"><c>BtrfsFeatureUnsupported</c>.</exception>
    public static void CheckReadable(BtrfsSuperblock super)
    {
        BtrfsIncompat unknown = super.Incompat & ~Readable;
        if (unknown != 0)
        {
            throw BtrfsErrors.Feature(Name(unknown));
        }

        if ((super.Incompat & BtrfsIncompat.MixedBackref) == 0)
        {
            throw BtrfsErrors.Feature("back references of the form before Linux 2.6.31");
        }
    }

    /// <summary>Refuses what cannot be written.</summary>
    /// <exception cref="V2VException"><c>BtrfsWriteUnsupported</c>.</exception>
    public static void CheckWritable(BtrfsSuperblock super)
    {
        BtrfsIncompat unknown = super.Incompat & ~Writable;
        if (unknown != 0)
        {
            throw BtrfsErrors.ReadOnlyFeature("it uses " + Name(unknown));
        }

        BtrfsRoCompat unknownRo = super.RoCompat & ~WritableRo;
        if (unknownRo != 0)
        {
            throw BtrfsErrors.ReadOnlyFeature(FormattableString.Invariant($"it uses compat_ro features 0x{(ulong)unknownRo:x}"));
        }

        if ((super.Flags & BtrfsSuperblock.FlagSeeding) != 0)
        {
            throw BtrfsErrors.ReadOnlyFeature("it is a seed for others");
        }
    }

    private static string Name(BtrfsIncompat unknown)
    {
        string[] names = [.. s_names.Where(n => (unknown & n.Flag) != 0).Select(n => n.Name)];
        return names.Length > 0 ? string.Join(", ", names) : FormattableString.Invariant($"incompatible features 0x{(ulong)unknown:x}");
    }
}
