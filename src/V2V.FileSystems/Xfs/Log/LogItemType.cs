namespace V2V.FileSystems.Xfs.Log;

/// <summary>What a log item is about ("Log Items" of the XFS documentation; XFS_LI_*).</summary>
internal enum LogItemType : ushort
{
    /// <summary>Intent to free extents.</summary>
    ExtentFreeIntent = 0x1236,
    ExtentFreeDone = 0x1237,
    Inode = 0x123B,
    Buffer = 0x123C,
    Quota = 0x123D,
    QuotaOff = 0x123E,

    /// <summary>A chunk of inodes was initialised.</summary>
    InodeCreate = 0x123F,

    /// <summary>Intent to change the reverse map.</summary>
    ReverseMapIntent = 0x1240,
    ReverseMapDone = 0x1241,

    /// <summary>Intent to change reference counts.</summary>
    RefcountIntent = 0x1242,
    RefcountDone = 0x1243,

    /// <summary>Intent to change the block map of a file.</summary>
    BlockMapIntent = 0x1244,
    BlockMapDone = 0x1245,

    /// <summary>Intent to set or remove an extended attribute.</summary>
    AttributeIntent = 0x1246,
    AttributeDone = 0x1247,

    /// <summary>Intent to exchange the mappings of two files.</summary>
    ExchangeIntent = 0x1248,
    ExchangeDone = 0x1249,
}
