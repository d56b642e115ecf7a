using System.Numerics;
using System.Runtime.InteropServices;

namespace V2V.Storage.Volumes.Raid;

/// <summary>
/// Arithmetic of RAID 6 in GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 and the generator 2
/// (H. P. Anvin, "The mathematics of RAID-6").
/// </summary>
internal static class GaloisField
{
    private static readonly byte[] s_powers = MakePowers();
    private static readonly byte[] s_logarithms = MakeLogarithms(s_powers);

    /// <summary>2 to a power.</summary>
    internal static byte Power(int exponent) => s_powers[((exponent % 255) + 255) % 255];

    internal static byte Multiply(byte a, byte b) => a == 0 || b == 0 ? (byte)0 : s_powers[(s_logarithms[a] + s_logarithms[b]) % 255];

    internal static byte Inverse(byte a) => s_powers[(255 - s_logarithms[a]) % 255];

    /// <summary>target ^= source.</summary>
    internal static void Xor(Span<byte> target, ReadOnlySpan<byte> source)
    {
        Span<Vector<byte>> wide = MemoryMarshal.Cast<byte, Vector<byte>>(target);
        ReadOnlySpan<Vector<byte>> other = MemoryMarshal.Cast<byte, Vector<byte>>(source[..target.Length]);
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] ^= other[i];
        }

        for (int i = wide.Length * Vector<byte>.Count; i < target.Length; i++)
        {
            target[i] ^= source[i];
        }
    }

    /// <summary>target ^= factor * source.</summary>
    internal static void MultiplyXor(Span<byte> target, ReadOnlySpan<byte> source, byte factor)
    {
        if (factor == 1)
        {
            Xor(target, source);
            return;
        }

        Span<byte> products = stackalloc byte[256];
        FillProducts(products, factor);
        for (int i = 0; i < target.Length; i++)
        {
            target[i] ^= products[source[i]];
        }
    }

    /// <summary>data = factor * data.</summary>
    internal static void Multiply(Span<byte> data, byte factor)
    {
        Span<byte> products = stackalloc byte[256];
        FillProducts(products, factor);
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = products[data[i]];
        }
    }

    private static void FillProducts(Span<byte> products, byte factor)
    {
        for (int i = 0; i < 256; i++)
        {
            products[i] = Multiply((byte)i, factor);
        }
    }

    private static byte[] MakePowers()
    {
        var powers = new byte[255];
        int value = 1;
        for (int i = 0; i < 255; i++)
        {
            powers[i] = (byte)value;
            value <<= 1;
            value = value > 255 ? value ^ 0x11D : value;
        }

        return powers;
    }

    private static byte[] MakeLogarithms(byte[] powers)
    {
        var logarithms = new byte[256];
        for (int i = 0; i < 255; i++)
        {
            logarithms[powers[i]] = (byte)i;
        }

        return logarithms;
    }
}
