using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using V2V.Storage;

namespace V2V.FileSystems.Ext.Directories;

/// <summary>The hashes of file names that order an indexed directory (kernel documentation, filesystems/ext4, "Hash Tree Directories").</summary>
internal static class DirectoryHash
{
    /// <summary>Highest hash a name can have is just below this; it marks the end of a directory to readers.</summary>
    private const uint EndOfDirectory = 0x7FFFFFFFu << 1;

    /// <summary>The hash of a name; the lowest bit is always clear.</summary>
    /// <param name="version">0 legacy, 1 half MD4, 2 TEA; 3 to 5 the same with unsigned characters.</param>
    /// <param name="name">The name's bytes.</param>
    /// <param name="seed">The 16 bytes of s_hash_seed.</param>
    public static uint Compute(int version, ReadOnlySpan<byte> name, ReadOnlySpan<byte> seed)
    {
        bool unsigned = version >= 3;
        uint hash = (version % 3) switch
        {
            0 when version <= 5 => Legacy(name, unsigned),
            1 when version <= 5 => HalfMd4(name, seed, unsigned),
            2 when version <= 5 => Tea(name, seed, unsigned),
            _ => throw V2VException.Unsupported(
                "ExtHashUnsupported", FormattableString.Invariant($"The directory hash version {version} is not supported.")),
        };

        hash &= ~1u;
        return hash == EndOfDirectory ? EndOfDirectory - 2 : hash;
    }

    private static uint Character(byte value, bool unsigned) => unsigned ? value : (uint)(sbyte)value;

    private static uint Legacy(ReadOnlySpan<byte> name, bool unsigned)
    {
        uint current = 0x12A3FE2D;
        uint previous = 0x37ABE8F9;
        foreach (byte value in name)
        {
            uint hash = previous + (current ^ (Character(value, unsigned) * 7152373));
            if ((hash & 0x80000000) != 0)
            {
                hash -= 0x7FFFFFFF;
            }

            previous = current;
            current = hash;
        }

        return current << 1;
    }

    private static uint HalfMd4(ReadOnlySpan<byte> name, ReadOnlySpan<byte> seed, bool unsigned)
    {
        Span<uint> state = stackalloc uint[4];
        Span<uint> input = stackalloc uint[8];
        Start(state, seed);
        do
        {
            Pack(name, input, unsigned);
            HalfMd4Transform(state, input);
            name = name.Length > 32 ? name[32..] : [];
        }
        while (!name.IsEmpty);

        return state[1];
    }

    private static uint Tea(ReadOnlySpan<byte> name, ReadOnlySpan<byte> seed, bool unsigned)
    {
        Span<uint> state = stackalloc uint[4];
        Span<uint> input = stackalloc uint[4];
        Start(state, seed);
        do
        {
            Pack(name, input, unsigned);
            TeaTransform(state, input);
            name = name.Length > 16 ? name[16..] : [];
        }
        while (!name.IsEmpty);

        return state[0];
    }

    private static void Start(Span<uint> state, ReadOnlySpan<byte> seed)
    {
        if (seed.ContainsAnyExcept((byte)0))
        {
            for (int i = 0; i < 4; i++)
            {
                state[i] = BinaryPrimitives.ReadUInt32LittleEndian(seed[(i * 4)..]);
            }

            return;
        }

        state[0] = 0x67452301;
        state[1] = 0xEFCDAB89;
        state[2] = 0x98BADCFE;
        state[3] = 0x10325476;
    }

    /// <summary>Fills the words of one round from a name; missing characters are made up from the name's length.</summary>
    private static void Pack(ReadOnlySpan<byte> name, Span<uint> words, bool unsigned)
    {
        uint pad = (uint)name.Length | ((uint)name.Length << 8);
        pad |= pad << 16;
        int length = Math.Min(name.Length, words.Length * 4);
        uint value = pad;
        int word = 0;
        for (int i = 0; i < length; i++)
        {
            value = Character(name[i], unsigned) + (value << 8);
            if (i % 4 == 3)
            {
                words[word++] = value;
                value = pad;
            }
        }

        if (word < words.Length)
        {
            words[word++] = value;
        }

        words[word..].Fill(pad);
    }

    private static void TeaTransform(Span<uint> state, ReadOnlySpan<uint> input)
    {
        uint sum = 0;
        uint b0 = state[0];
        uint b1 = state[1];
        for (int round = 0; round < 16; round++)
        {
            sum += 0x9E3779B9;
            b0 += ((b1 << 4) + input[0]) ^ (b1 + sum) ^ ((b1 >> 5) + input[1]);
            b1 += ((b0 << 4) + input[2]) ^ (b0 + sum) ^ ((b0 >> 5) + input[3]);
        }

        state[0] += b0;
        state[1] += b1;
    }

    private static void HalfMd4Transform(Span<uint> state, ReadOnlySpan<uint> x)
    {
        const uint Second = 0x5A827999;
        const uint Third = 0x6ED9EBA1;
        uint a = state[0];
        uint b = state[1];
        uint c = state[2];
        uint d = state[3];

        for (int i = 0; i < 8; i += 4)
        {
            Step(ref a, Choose(b, c, d) + x[i], 3);
            Step(ref d, Choose(a, b, c) + x[i + 1], 7);
            Step(ref c, Choose(d, a, b) + x[i + 2], 11);
            Step(ref b, Choose(c, d, a) + x[i + 3], 19);
        }

        for (int i = 1; i >= 0; i--)
        {
            Step(ref a, Majority(b, c, d) + x[i] + Second, 3);
            Step(ref d, Majority(a, b, c) + x[i + 2] + Second, 5);
            Step(ref c, Majority(d, a, b) + x[i + 4] + Second, 9);
            Step(ref b, Majority(c, d, a) + x[i + 6] + Second, 13);
        }

        for (int i = 3; i >= 1; i -= 2)
        {
            Step(ref a, (b ^ c ^ d) + x[i] + Third, 3);
            Step(ref d, (a ^ b ^ c) + x[i + 4] + Third, 9);
            Step(ref c, (d ^ a ^ b) + x[i - 1] + Third, 11);
            Step(ref b, (c ^ d ^ a) + x[i + 3] + Third, 15);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref uint a, uint add, int rotate) => a = BitOperations.RotateLeft(a + add, rotate);

    private static uint Choose(uint x, uint y, uint z) => z ^ (x & (y ^ z));

    private static uint Majority(uint x, uint y, uint z) => (x & y) + ((x ^ y) & z);
}
