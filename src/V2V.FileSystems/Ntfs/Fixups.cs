using System.Buffers.Binary;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// The update sequence array of file records and index blocks: the last two bytes of each 512-byte stride are replaced by a number
/// that grows with each write, and are kept in the header, so that a torn write shows.
/// </summary>
internal static class Fixups
{
    private const int Stride = 512;

    /// <summary>Puts the real bytes back after reading.</summary>
    /// <returns>False if the array is damaged or the write of the structure was torn.</returns>
    public static bool Undo(Span<byte> structure)
    {
        if (!TryLocate(structure, out int array, out int count))
        {
            return false;
        }

        ReadOnlySpan<byte> number = structure.Slice(array, 2);
        for (int i = 1; i < count; i++)
        {
            Span<byte> tail = structure.Slice((i * Stride) - 2, 2);
            if (!tail.SequenceEqual(number))
            {
                return false;
            }

            structure.Slice(array + (i * 2), 2).CopyTo(tail);
        }

        return true;
    }

    /// <summary>Puts the next update sequence number in place before writing.</summary>
    public static void Apply(Span<byte> structure)
    {
        if (!TryLocate(structure, out int array, out int count))
        {
            throw new ArgumentException("The structure has no update sequence array.", nameof(structure));
        }

        // 0 and 0xFFFF are passed over as Windows does.
        ushort number = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(structure[array..]) + 1);
        BinaryPrimitives.WriteUInt16LittleEndian(structure[array..], number is 0 or 0xFFFF ? (ushort)1 : number);
        for (int i = 1; i < count; i++)
        {
            Span<byte> tail = structure.Slice((i * Stride) - 2, 2);
            tail.CopyTo(structure[(array + (i * 2))..]);
            structure.Slice(array, 2).CopyTo(tail);
        }
    }

    /// <summary>Length of the array, in numbers of two bytes, for a structure of this size.</summary>
    public static int CountFor(int size) => (size / Stride) + 1;

    private static bool TryLocate(ReadOnlySpan<byte> structure, out int array, out int count)
    {
        array = BinaryPrimitives.ReadUInt16LittleEndian(structure[4..]);
        count = BinaryPrimitives.ReadUInt16LittleEndian(structure[6..]);
        return count == CountFor(structure.Length) && array >= 8 && array % 2 == 0 && array + (count * 2) <= Stride - 2;
    }
}
