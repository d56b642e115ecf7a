using System.Buffers.Binary;
using System.Numerics;

namespace V2V.FileSystems.Ext.Allocation;

/// <summary>Runs of bits in a bitmap whose bit 0 is the lowest of byte 0.</summary>
internal static class BitSpan
{
    public static bool Get(ReadOnlySpan<byte> bits, int index) => (bits[index >> 3] & (1 << (index & 7))) != 0;

    /// <summary>Sets a run of bits.</summary>
    public static void Set(Span<byte> bits, int start, int count)
    {
        for (; count > 0 && (start & 7) != 0; start++, count--)
        {
            bits[start >> 3] |= (byte)(1 << (start & 7));
        }

        bits.Slice(start >> 3, count >> 3).Fill(0xFF);
        for (start += count & ~7, count &= 7; count > 0; start++, count--)
        {
            bits[start >> 3] |= (byte)(1 << (start & 7));
        }
    }

    /// <summary>Clears a run of bits.</summary>
    public static void Clear(Span<byte> bits, int start, int count)
    {
        for (; count > 0 && (start & 7) != 0; start++, count--)
        {
            bits[start >> 3] &= (byte)~(1 << (start & 7));
        }

        bits.Slice(start >> 3, count >> 3).Clear();
        for (start += count & ~7, count &= 7; count > 0; start++, count--)
        {
            bits[start >> 3] &= (byte)~(1 << (start & 7));
        }
    }

    /// <summary>The first set bit in a range, or its end.</summary>
    public static int NextSet(ReadOnlySpan<byte> bits, int start, int end) => Next(bits, start, end, 0);

    /// <summary>The first clear bit in a range, or its end.</summary>
    public static int NextClear(ReadOnlySpan<byte> bits, int start, int end) => Next(bits, start, end, ulong.MaxValue);

    private static int Next(ReadOnlySpan<byte> bits, int start, int end, ulong invert)
    {
        while (start < end)
        {
            int at = start >> 6 << 3;
            ulong word = bits.Length - at >= 8
                ? BinaryPrimitives.ReadUInt64LittleEndian(bits[at..])
                : Partial(bits[at..]);
            word = (word ^ invert) >> (start & 63);
            if (word != 0)
            {
                return Math.Min(end, start + BitOperations.TrailingZeroCount(word));
            }

            start = (start | 63) + 1;
        }

        return end;
    }

    private static ulong Partial(ReadOnlySpan<byte> bits)
    {
        ulong word = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            word |= (ulong)bits[i] << (i * 8);
        }

        return word;
    }
}
