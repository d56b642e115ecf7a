namespace V2V.FileSystems.Iso;

/// <summary>A file or directory: the records of its extents and what Rock Ridge adds.</summary>
internal sealed class IsoNode
{
    private const uint TypeMask = 0xF000;

    /// <param name="name">The name as it is shown.</param>
    /// <param name="extents">The records, in the order of the content.</param>
    /// <param name="rock">Rock Ridge's facts, or null.</param>
    public IsoNode(string name, IReadOnlyList<IsoRecord> extents, RockRidge? rock)
    {
        (Name, Extents, Rock) = (name, extents, rock);
        Type = TypeOf(extents[0], rock);
    }

    public string Name { get; }

    public IReadOnlyList<IsoRecord> Extents { get; }

    public RockRidge? Rock { get; }

    public GuestFileType Type { get; }

    /// <summary>First block of the content.</summary>
    public long Block => Rock?.Child ?? Extents[0].Block;

    public long Length => Type is GuestFileType.File or GuestFileType.Directory ? Extents.Sum(e => (long)e.Length) : 0;

    /// <summary>What identifies the file: Rock Ridge's serial number, or the place of its content (as libisofs and the kernel do it).</summary>
    public ulong FileId => Rock is { Serial: > 0 and var serial } ? serial : (ulong)Block;

    private static GuestFileType TypeOf(IsoRecord record, RockRidge? rock) => (rock?.Mode & TypeMask) switch
    {
        _ when rock?.Child is not null => GuestFileType.Directory,
        _ when record.IsDirectory => GuestFileType.Directory,
        0xA000 when rock?.Link is not null => GuestFileType.SymbolicLink,
        0x2000 => GuestFileType.CharacterDevice,
        0x6000 => GuestFileType.BlockDevice,
        0x1000 => GuestFileType.Fifo,
        0xC000 => GuestFileType.Socket,
        _ => GuestFileType.File,
    };
}
