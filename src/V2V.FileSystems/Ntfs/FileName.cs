using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>In which rules a name is a name.</summary>
internal enum FileNamespace : byte
{
    /// <summary>Any characters but <c>/</c> and NUL.</summary>
    Posix = 0,

    /// <summary>A long name.</summary>
    Win32 = 1,

    /// <summary>The short name beside a long one.</summary>
    Dos = 2,

    /// <summary>A name that is both.</summary>
    Win32AndDos = 3,
}

/// <summary>The content of a <c>$FILE_NAME</c> attribute, which is the key of a directory entry too: 66 bytes and the name.</summary>
internal static class FileName
{
    public const int HeaderSize = 66;

    /// <summary>Where the duplicates of sizes, times and attributes are.</summary>
    public const int DuplicateOffset = 8;

    public const int DuplicateLength = 56;

    public static bool IsValid(ReadOnlySpan<byte> key) => key.Length >= HeaderSize && HeaderSize + (key[64] * 2) <= key.Length;

    public static ulong Parent(ReadOnlySpan<byte> key) => ReadUInt64LittleEndian(key);

    public static FileAttributes Attributes(ReadOnlySpan<byte> key) => (FileAttributes)ReadUInt32LittleEndian(key[56..]);

    public static uint ReparseTag(ReadOnlySpan<byte> key) => ReadUInt32LittleEndian(key[60..]);

    public static FileNamespace Namespace(ReadOnlySpan<byte> key) => (FileNamespace)key[65];

    public static string Name(ReadOnlySpan<byte> key) => RecordParser.DecodeName(key.Slice(HeaderSize, key[64] * 2));

    /// <summary>A new key; the duplicates are zero.</summary>
    public static byte[] Make(ulong parent, string name, FileNamespace space)
    {
        var key = new byte[HeaderSize + (name.Length * 2)];
        WriteUInt64LittleEndian(key, parent);
        key[64] = (byte)name.Length;
        key[65] = (byte)space;
        RecordParser.EncodeName(name, key.AsSpan(HeaderSize));
        return key;
    }
}
