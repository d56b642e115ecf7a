namespace V2V.FileSystems;

/// <summary>The number that directories of ext, XFS and Btrfs give the type of a file.</summary>
internal static class DirectoryEntryCode
{
    /// <summary>The type; null for no or an unknown number.</summary>
    public static GuestFileType? ToType(byte code) => code switch
    {
        1 => GuestFileType.File,
        2 => GuestFileType.Directory,
        3 => GuestFileType.CharacterDevice,
        4 => GuestFileType.BlockDevice,
        5 => GuestFileType.Fifo,
        6 => GuestFileType.Socket,
        7 => GuestFileType.SymbolicLink,
        _ => null,
    };

    /// <summary>The number of a type.</summary>
    public static byte Of(GuestFileType type) => type switch
    {
        GuestFileType.File => 1,
        GuestFileType.Directory => 2,
        GuestFileType.CharacterDevice => 3,
        GuestFileType.BlockDevice => 4,
        GuestFileType.Fifo => 5,
        GuestFileType.Socket => 6,
        _ => 7,
    };
}
