using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>sb_versionnum: the version in the low four bits, features of version 4 above.</summary>
[Flags]
internal enum XfsVersion
{
    None = 0,
    Attributes = 0x10,
    Links32 = 0x20,
    Quota = 0x40,
    InodeAlignment = 0x80,
    DataAlignment = 0x100,
    Shared = 0x200,
    LogV2 = 0x400,
    SectorSize = 0x800,
    ExtentFlag = 0x1000,
    DirectoryV2 = 0x2000,
    AsciiCaseInsensitive = 0x4000,
    MoreBits = 0x8000,
}

/// <summary>sb_features2.</summary>
[Flags]
internal enum XfsFeatures2
{
    None = 0,
    LazyCounters = 2,
    Attributes2 = 8,
    Parent = 0x10,
    ProjectId32 = 0x80,
    Checksums = 0x100,
    FileType = 0x200,
}

/// <summary>sb_features_ro_compat.</summary>
[Flags]
internal enum XfsRoCompat
{
    None = 0,
    FreeInodeTree = 1,
    ReverseMapTree = 2,
    Reflink = 4,
    InodeTreeCounters = 8,
    All = 15,
}

/// <summary>sb_features_incompat.</summary>
[Flags]
internal enum XfsIncompat
{
    None = 0,
    FileType = 1,
    SparseInodes = 2,
    MetaUuid = 4,
    BigTime = 8,
    NeedsRepair = 0x10,
    LargeExtentCounts = 0x20,
    ExchangeRange = 0x40,
    Parent = 0x80,
    MetadataDirectory = 0x100,
    Zoned = 0x200,
    ZoneGaps = 0x400,
}

/// <summary>Which features are handled, and the refusal of all others.</summary>
internal static class XfsFeatures
{
    private const XfsIncompat Readable = XfsIncompat.FileType | XfsIncompat.SparseInodes | XfsIncompat.MetaUuid | XfsIncompat.BigTime
        | XfsIncompat.LargeExtentCounts | XfsIncompat.ExchangeRange | XfsIncompat.Parent;

    private static readonly Dictionary<uint, string> s_incompat = new()
    {
        [0x100] = "metadir (metadata directory tree)",
        [0x200] = "zoned",
        [0x400] = "zone gaps",
    };

    /// <summary>Throws if reading would be a guess.</summary>
    public static void CheckReadable(XfsSuperblock super)
    {
        string name = super.DisplayName;
        if (super.Has(XfsIncompat.NeedsRepair))
        {
            throw new V2VException(
                "XfsNeedsRepair", V2VErrorKind.InvalidState, "The file system is marked as needing xfs_repair.", name,
                "Run xfs_repair on it and export it again.");
        }

        Refuse((uint)(super.Incompat & ~Readable), "incompatible", name);
        if (!super.IsV5)
        {
            if ((super.Version & XfsVersion.DirectoryV2) == 0)
            {
                throw V2VException.Unsupported("XfsFeatureUnsupported", "The file system has directories of version 1.", name, "Copy its content to a newer file system.");
            }

            if ((super.Version & XfsVersion.Shared) != 0)
            {
                throw V2VException.Unsupported("XfsFeatureUnsupported", "The file system has the feature 'shared read-only'.", name);
            }
        }

        if (super.RealtimeBlocks != 0)
        {
            throw V2VException.Unsupported(
                "XfsRealtimeUnsupported", "The file system has a real-time device.", name, "Copy its content to a file system without one.");
        }

        if (super.LogStart == 0)
        {
            throw V2VException.Unsupported(
                "XfsExternalLogUnsupported", "The log of the file system is on another device.", name, "Copy its content to a file system with an internal log.");
        }
    }

    /// <summary>True if <see cref="CheckWritable"/> would not throw.</summary>
    public static bool CanWrite(XfsSuperblock super)
    {
        try
        {
            CheckWritable(super);
            return true;
        }
        catch (V2VException)
        {
            return false;
        }
    }

    /// <summary>Throws if writing would not keep up what the features promise.</summary>
    public static void CheckWritable(XfsSuperblock super)
    {
        Refuse((uint)(super.RoCompat & ~XfsRoCompat.All), "read-only compatible", super.DisplayName);
        if (!super.IsV5 && (super.Features2 & XfsFeatures2.Parent) != 0)
        {
            throw V2VException.Unsupported(
                "XfsFeatureUnsupported", "The file system has parent pointers of version 4, with which it can only be read.", super.DisplayName);
        }

        if (!super.IsV5 && (super.Version & XfsVersion.ExtentFlag) == 0)
        {
            throw V2VException.Unsupported(
                "XfsFeatureUnsupported", "The file system lacks the feature extflg, without which it can only be read.", super.DisplayName);
        }
    }

    private static void Refuse(uint unknown, string set, string name)
    {
        if (unknown != 0)
        {
            uint bit = unknown & ~(unknown - 1);
            string feature = set == "incompatible" && s_incompat.TryGetValue(bit, out string? known) ? known : FormattableString.Invariant($"0x{unknown:x}");
            throw V2VException.Unsupported(
                "XfsFeatureUnsupported", $"The file system has the {set} feature {feature}, which is not supported.", name,
                "Copy its content to a file system without this feature.");
        }
    }
}
