using System.Buffers.Binary;
using System.Text;
using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>One header block of a tar (POSIX.1-1988 ustar, with GNU's sizes).</summary>
internal readonly record struct TarHeader(string Name, long Size, byte Type)
{
    /// <summary>Bytes of a header; contents are padded to a multiple of it.</summary>
    public const int BlockSize = 512;

    /// <summary>Type flag of a directory.</summary>
    public const byte Directory = (byte)'5';

    /// <summary>Type flag of GNU's long name, which stands before the member.</summary>
    public const byte GnuLongName = (byte)'L';

    /// <summary>Type flag of GNU's long link name.</summary>
    public const byte GnuLongLink = (byte)'K';

    /// <summary>Type flag of a pax header for the next member.</summary>
    public const byte PaxLocal = (byte)'x';

    /// <summary>Type flag of a pax header for all following members.</summary>
    public const byte PaxGlobal = (byte)'g';

    private const int ChecksumOffset = 148;
    private const int ChecksumLength = 8;

    /// <summary>True if the block only says something about the next member.</summary>
    public bool IsExtension => Type is GnuLongName or GnuLongLink or PaxLocal or PaxGlobal;

    /// <summary>True if contents follow. Links, devices and directories have none, whatever their size field says.</summary>
    public bool HasData => Type is not ((byte)'1' or (byte)'2' or (byte)'3' or (byte)'4' or Directory or (byte)'6');

    /// <summary>Reads a header block.</summary>
    /// <exception cref="V2VException"><c>TarInvalid</c>.</exception>
    public static TarHeader Parse(ReadOnlySpan<byte> block, long offset, string path)
    {
        if (!IsChecksumRight(block))
        {
            throw Invalid("has a wrong checksum", offset, path);
        }

        long size = ParseNumber(block.Slice(124, 12));
        if (size < 0)
        {
            throw Invalid("has an unreadable size", offset, path);
        }

        // GNU puts other things where ustar has the prefix of the name.
        string name = Text(block[..100]);
        bool isUstar = block.Slice(257, 6).SequenceEqual("ustar\0"u8);
        string prefix = isUstar ? Text(block.Slice(345, 155)) : "";
        return new TarHeader(prefix.Length == 0 ? name : prefix + "/" + name, size, block[156]);
    }

    /// <summary>The sum of all bytes, with blanks for the sum itself; some old programs added signed bytes.</summary>
    public static bool IsChecksumRight(ReadOnlySpan<byte> block)
    {
        long stored = ParseNumber(block.Slice(ChecksumOffset, ChecksumLength));
        long unsigned = ChecksumLength * ' ';
        long signed = unsigned;
        for (int i = 0; i < BlockSize; i++)
        {
            if (i is < ChecksumOffset or >= ChecksumOffset + ChecksumLength)
            {
                unsigned += block[i];
                signed += (sbyte)block[i];
            }
        }

        return stored > 0 && (stored == unsigned || stored == signed);
    }

    /// <summary>Text up to the first NUL.</summary>
    public static string Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    /// <summary>Octal digits with blanks and NULs around them, or GNU's base 256; −1 if it is neither or does not fit.</summary>
    private static long ParseNumber(ReadOnlySpan<byte> field)
    {
        if ((field[0] & 0x80) != 0)
        {
            return field.Length == 12 && field[0] == 0x80 && field[1..4].IndexOfAnyExcept((byte)0) < 0
                ? BinaryPrimitives.ReadInt64BigEndian(field[4..])
                : -1;
        }

        field = field.Trim(" \0"u8);
        long value = 0;
        foreach (byte digit in field)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return -1;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return value;
    }

    private static V2VException Invalid(string what, long offset, string path) =>
        V2VException.Corrupt("TarInvalid", FormattableString.Invariant($"The archive's header at offset {offset} {what}."), path);
}
