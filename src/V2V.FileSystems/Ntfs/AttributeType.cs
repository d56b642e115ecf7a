namespace V2V.FileSystems.Ntfs;

/// <summary>Types of attributes, as <c>$AttrDef</c> lists them.</summary>
internal static class AttributeType
{
    public const uint StandardInformation = 0x10;
    public const uint AttributeList = 0x20;
    public const uint FileName = 0x30;
    public const uint ObjectId = 0x40;
    public const uint SecurityDescriptor = 0x50;
    public const uint VolumeName = 0x60;
    public const uint VolumeInformation = 0x70;
    public const uint Data = 0x80;
    public const uint IndexRoot = 0x90;
    public const uint IndexAllocation = 0xA0;
    public const uint Bitmap = 0xB0;
    public const uint ReparsePoint = 0xC0;
    public const uint EaInformation = 0xD0;
    public const uint Ea = 0xE0;
    public const uint End = 0xFFFFFFFF;
}

/// <summary>File attributes ([MS-FSCC] 2.6) as <c>$STANDARD_INFORMATION</c> and <c>$FILE_NAME</c> keep them.</summary>
[Flags]
internal enum FileAttributes : uint
{
    None = 0,
    ReadOnly = 1,
    Hidden = 2,
    System = 4,
    Archive = 0x20,
    Device = 0x40,
    Normal = 0x80,
    Temporary = 0x100,
    Sparse = 0x200,
    ReparsePoint = 0x400,
    Compressed = 0x800,
    Offline = 0x1000,
    NotIndexed = 0x2000,
    Encrypted = 0x4000,

    /// <summary>The duplicate in <c>$FILE_NAME</c> of the file record's directory flag.</summary>
    Directory = 0x10000000,

    /// <summary>The same for a view index.</summary>
    IndexView = 0x20000000,
}
