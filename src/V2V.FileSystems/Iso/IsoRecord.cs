namespace V2V.FileSystems.Iso;

/// <summary>A directory record (ECMA-119 9.1). A file of several extents has one for each.</summary>
internal sealed class IsoRecord
{
    /// <summary>Length of a record whose name has one byte.</summary>
    public const int MinLength = 34;

    private const int NameOffset = 33;
    private const byte DirectoryFlag = 0x2;
    private const byte AssociatedFlag = 0x4;
    private const byte MoreExtentsFlag = 0x80;

    private IsoRecord(ReadOnlySpan<byte> raw)
    {
        byte flags = raw[25];
        int nameLength = raw[32];
        int systemUse = NameOffset + nameLength + (nameLength % 2 == 0 ? 1 : 0);
        Block = Le.U32(raw, 2) + (long)raw[1];
        Length = Le.U32(raw, 10);
        Time = IsoTime.Short(raw.Slice(18, 7));
        IsDirectory = (flags & DirectoryFlag) != 0;
        IsAssociated = (flags & AssociatedFlag) != 0;
        HasMoreExtents = (flags & MoreExtentsFlag) != 0;
        IsInterleaved = raw[26] != 0 || raw[27] != 0;
        Name = raw.Slice(NameOffset, nameLength).ToArray();
        SystemUse = systemUse < raw.Length ? raw[systemUse..].ToArray() : [];
    }

    /// <summary>First block of the content, behind an extended attribute record.</summary>
    public long Block { get; }

    /// <summary>Bytes of the content.</summary>
    public uint Length { get; }

    public DateTimeOffset Time { get; }

    public bool IsDirectory { get; }

    /// <summary>True for the resource fork of a file of Mac OS, which has the file's own name.</summary>
    public bool IsAssociated { get; }

    /// <summary>True if the next record goes on with the same file.</summary>
    public bool HasMoreExtents { get; }

    public bool IsInterleaved { get; }

    /// <summary>The name as stored; one byte 0 is the directory itself, one byte 1 the one above it.</summary>
    public byte[] Name { get; }

    /// <summary>The system use field, which SUSP and Rock Ridge fill.</summary>
    public byte[] SystemUse { get; }

    /// <summary>True for the directory itself and for the one above it.</summary>
    public bool IsDot => Name is [0] or [1];

    /// <summary>Reads a record of exactly that length; null if it contradicts itself.</summary>
    public static IsoRecord? TryParse(ReadOnlySpan<byte> raw) => raw.Length < MinLength || raw[32] == 0 || NameOffset + raw[32] > raw.Length ? null : new IsoRecord(raw);
}
