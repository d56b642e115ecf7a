using System.Runtime.InteropServices;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>How the keys of an index are sorted.</summary>
internal enum IndexCollation : uint
{
    /// <summary>Names of a directory.</summary>
    FileName = 1,

    /// <summary>One number of 32 bits: <c>$SII</c>.</summary>
    UnsignedInteger = 0x10,

    /// <summary>Hash, then id: <c>$SDH</c>.</summary>
    SecurityHash = 0x12,

    /// <summary>A row of numbers of 32 bits: <c>$O</c> and <c>$R</c>.</summary>
    UnsignedIntegers = 0x13,
}

/// <summary>Compares stored keys.</summary>
internal static class IndexKeys
{
    public static int Compare(IndexCollation collation, UpCaseTable upCase, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (collation != IndexCollation.FileName)
        {
            int length = Math.Min(left.Length, right.Length) / 4 * 4;
            for (int i = 0; i < length; i += 4)
            {
                int order = ReadUInt32LittleEndian(left[i..]).CompareTo(ReadUInt32LittleEndian(right[i..]));
                if (order != 0)
                {
                    return order;
                }
            }

            return left.Length - right.Length;
        }

        return FileName.IsValid(left) && FileName.IsValid(right)
            ? upCase.Compare(Characters(left), Characters(right))
            : throw NtfsErrors.Index("a name is shorter than it says");
    }

    public static ReadOnlySpan<char> Characters(ReadOnlySpan<byte> key) =>
        MemoryMarshal.Cast<byte, char>(key.Slice(FileName.HeaderSize, key[64] * 2));
}
