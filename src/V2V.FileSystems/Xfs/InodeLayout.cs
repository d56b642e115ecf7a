namespace V2V.FileSystems.Xfs;

/// <summary>Where the fields of an inode are ("Inode Core" of the XFS documentation; xfs_dinode).</summary>
internal static class InodeLayout
{
    public const int Magic = 0x494E;
    public const int Mode = 2;
    public const int Version = 4;
    public const int Format = 5;
    public const int OldLinks = 6;
    public const int Uid = 8;
    public const int Gid = 12;
    public const int Links = 16;
    public const int ProjectLow = 20;
    public const int ProjectHigh = 22;

    /// <summary>64-bit count of data extents, with <see cref="Flag2LargeExtentCounts"/>.</summary>
    public const int LargeDataExtents = 24;

    /// <summary>Version 2 only.</summary>
    public const int FlushIterations = 30;

    public const int AccessTime = 32;
    public const int ModifiedTime = 40;
    public const int ChangeTime = 48;
    public const int FileSize = 56;
    public const int Blocks = 64;
    public const int ExtentSizeHint = 72;

    /// <summary>32-bit count of data extents; with <see cref="Flag2LargeExtentCounts"/> that of attribute extents.</summary>
    public const int DataExtents = 76;

    /// <summary>16-bit count of attribute extents; unused with <see cref="Flag2LargeExtentCounts"/>.</summary>
    public const int AttributeExtents = 80;

    /// <summary>Start of the attribute fork in units of 8 bytes from the start of the literal area; 0 is no such fork.</summary>
    public const int ForkOffset = 82;

    public const int AttributeFormat = 83;
    public const int Flags = 90;
    public const int Generation = 92;
    public const int NextUnlinked = 96;

    /// <summary>Size of the core of version 2.</summary>
    public const int CoreSizeV2 = 100;

    public const int Crc = 100;
    public const int ChangeCount = 104;
    public const int Lsn = 112;
    public const int Flags2 = 120;
    public const int CowExtentSize = 128;
    public const int CreationTime = 144;
    public const int Number = 152;
    public const int Uuid = 160;

    /// <summary>Size of the core of version 3.</summary>
    public const int CoreSizeV3 = 176;

    /// <summary>di_flags: the file lives on the real-time device.</summary>
    public const int FlagRealtime = 1;

    /// <summary>di_flags: space was allocated before it was written.</summary>
    public const int FlagPreallocated = 2;

    public const int FlagImmutable = 8;
    public const int FlagAppend = 0x10;
    public const int FlagSync = 0x20;
    public const int FlagNoAccessTime = 0x40;
    public const int FlagNoDump = 0x80;
    public const int FlagRealtimeInherit = 0x100;
    public const int FlagProjectInherit = 0x200;
    public const int FlagNoSymbolicLinks = 0x400;
    public const int FlagExtentSizeInherit = 0x1000;
    public const int FlagNoDefragment = 0x2000;

    public const ulong Flag2Dax = 1;

    /// <summary>di_flags2: blocks may be shared with other files.</summary>
    public const ulong Flag2Reflink = 2;

    public const ulong Flag2CowExtentSize = 4;

    /// <summary>di_flags2: times are nanoseconds since 1901-12-13T20:45:52Z.</summary>
    public const ulong Flag2BigTime = 8;

    public const ulong Flag2LargeExtentCounts = 0x10;

    /// <summary>di_flags2: metadata, not to be seen by users.</summary>
    public const ulong Flag2Metadata = 0x20;
}

/// <summary>di_format and di_aformat: how a fork holds its content.</summary>
internal enum ForkFormat
{
    Device = 0,
    Local = 1,
    Extents = 2,
    Tree = 3,
    Uuid = 4,
}
