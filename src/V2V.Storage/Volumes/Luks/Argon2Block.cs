using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace V2V.Storage.Volumes.Luks;

/// <summary>The compression function of Argon2 (RFC 9106, sections 3.5 and 3.6), four words at a time.</summary>
internal static unsafe class Argon2Block
{
    private const int Words = 128;

    /// <summary>Makes a block of two others, of 128 words each.</summary>
    /// <param name="left">One block.</param>
    /// <param name="right">The other.</param>
    /// <param name="target">Takes the new block; may be one of the others.</param>
    /// <param name="mixesIn">True if what the target holds is mixed in.</param>
    internal static void Fill(ulong* left, ulong* right, ulong* target, bool mixesIn)
    {
        ulong* sum = stackalloc ulong[Words], work = stackalloc ulong[Words];
        for (int i = 0; i < Words; i += 4)
        {
            Vector256<ulong> mixed = Vector256.Load(left + i) ^ Vector256.Load(right + i);
            mixed.Store(work + i);
            (mixesIn ? mixed ^ Vector256.Load(target + i) : mixed).Store(sum + i);
        }

        for (int row = 0; row < Words; row += 16)
        {
            Vector256<ulong> a = Vector256.Load(work + row), b = Vector256.Load(work + row + 4), c = Vector256.Load(work + row + 8), d = Vector256.Load(work + row + 12);
            Round(ref a, ref b, ref c, ref d);
            a.Store(work + row);
            b.Store(work + row + 4);
            c.Store(work + row + 8);
            d.Store(work + row + 12);
        }

        for (int column = 0; column < 16; column += 2)
        {
            ulong* at = work + column;
            Vector256<ulong> a = Load(at), b = Load(at + 32), c = Load(at + 64), d = Load(at + 96);
            Round(ref a, ref b, ref c, ref d);
            Store(a, at);
            Store(b, at + 32);
            Store(c, at + 64);
            Store(d, at + 96);
        }

        for (int i = 0; i < Words; i += 4)
        {
            (Vector256.Load(sum + i) ^ Vector256.Load(work + i)).Store(target + i);
        }
    }

    /// <summary>Two words of a row and the two below them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Load(ulong* at) => Vector256.Create(Vector128.Load(at), Vector128.Load(at + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ulong> value, ulong* at)
    {
        value.GetLower().Store(at);
        value.GetUpper().Store(at + 16);
    }

    /// <summary>The permutation P: columns, then diagonals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref Vector256<ulong> a, ref Vector256<ulong> b, ref Vector256<ulong> c, ref Vector256<ulong> d)
    {
        Mix(ref a, ref b, ref c, ref d);
        b = Vector256.Shuffle(b, Vector256.Create(1UL, 2, 3, 0));
        c = Vector256.Shuffle(c, Vector256.Create(2UL, 3, 0, 1));
        d = Vector256.Shuffle(d, Vector256.Create(3UL, 0, 1, 2));
        Mix(ref a, ref b, ref c, ref d);
        b = Vector256.Shuffle(b, Vector256.Create(3UL, 0, 1, 2));
        c = Vector256.Shuffle(c, Vector256.Create(2UL, 3, 0, 1));
        d = Vector256.Shuffle(d, Vector256.Create(1UL, 2, 3, 0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector256<ulong> a, ref Vector256<ulong> b, ref Vector256<ulong> c, ref Vector256<ulong> d)
    {
        a = Add(a, b);
        d = Rotate(d ^ a, 32);
        c = Add(c, d);
        b = Rotate(b ^ c, 24);
        a = Add(a, b);
        d = Rotate(d ^ a, 16);
        c = Add(c, d);
        b = Rotate(b ^ c, 63);
    }

    /// <summary>The sum, and twice the product of the low halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Add(Vector256<ulong> x, Vector256<ulong> y)
    {
        Vector256<ulong> product = Avx2.IsSupported
            ? Avx2.Multiply(x.AsUInt32(), y.AsUInt32())
            : (x & Vector256.Create(0xFFFFFFFFUL)) * (y & Vector256.Create(0xFFFFFFFFUL));
        return x + y + product + product;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Rotate(Vector256<ulong> value, int bits) => (value >>> bits) | (value << (64 - bits));
}
