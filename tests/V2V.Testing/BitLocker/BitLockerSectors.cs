using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.Testing.BitLocker;

/// <summary>Encrypts single sectors as BitLocker does, straight from the definitions (IEEE 1619; Ferguson's paper): slow, and none of the product's code.</summary>
internal static class BitLockerSectors
{
    /// <summary>Encrypts a sector.</summary>
    /// <param name="method">0x8000 to 0x8005.</param>
    /// <param name="key">Key of the data, as the metadata holds it.</param>
    /// <param name="offset">Where it is stored on the volume.</param>
    /// <param name="plain">The sector.</param>
    internal static byte[] Encrypt(int method, byte[] key, long offset, ReadOnlySpan<byte> plain)
    {
        using var aes = Aes.Create();
        switch (method)
        {
            case 0x8004 or 0x8005:
                return Xts(key, offset / plain.Length, plain);
            case 0x8002 or 0x8003:
                return Cbc(key, offset, plain);
            default:
                int size = method == 0x8000 ? 16 : 32;
                return Cbc(key[..size], offset, Diffuse(key[32..(32 + size)], offset, plain));
        }
    }

    private static byte[] Ecb(byte[] key, byte[] block)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        return aes.EncryptEcb(block, PaddingMode.None);
    }

    private static byte[] Number(long value, byte last = 0)
    {
        var block = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(block, value);
        block[15] = last;
        return block;
    }

    private static byte[] Cbc(byte[] key, long offset, ReadOnlySpan<byte> plain)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        return aes.EncryptCbc(plain, Ecb(key, Number(offset)), PaddingMode.None);
    }

    private static byte[] Xts(byte[] key, long number, ReadOnlySpan<byte> plain)
    {
        using var aes = Aes.Create();
        aes.Key = key[..(key.Length / 2)];
        byte[] tweak = Ecb(key[(key.Length / 2)..], Number(number)), result = plain.ToArray();
        var tweaks = new byte[plain.Length];
        for (int at = 0; at < tweaks.Length; at += 16)
        {
            tweak.CopyTo(tweaks, at);
            int carry = 0;
            for (int i = 0; i < 16; i++)
            {
                int shifted = (tweak[i] << 1) | carry;
                tweak[i] = (byte)shifted;
                carry = shifted >> 8;
            }

            tweak[0] ^= (byte)(carry * 0x87);
        }

        Xor(result, tweaks);
        result = aes.EncryptEcb(result, PaddingMode.None);
        Xor(result, tweaks);
        return result;
    }

    private static byte[] Diffuse(byte[] key, long offset, ReadOnlySpan<byte> plain)
    {
        byte[] result = plain.ToArray(), mask = [.. Ecb(key, Number(offset)), .. Ecb(key, Number(offset, 0x80))];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] ^= mask[i % 32];
        }

        int count = result.Length / 4;
        var words = new uint[count];
        Buffer.BlockCopy(result, 0, words, 0, result.Length);
        Spread(words, 5, -2, -5, [9, 0, 13, 0]);
        Spread(words, 3, 2, 5, [0, 10, 0, 25]);
        Buffer.BlockCopy(words, 0, result, 0, result.Length);
        return result;
    }

    /// <summary>From the last word to the first: d[i] -= d[i + near] xor (d[i + far] rotated to the left).</summary>
    private static void Spread(uint[] words, int rounds, int near, int far, int[] turns)
    {
        for (int i = (rounds * words.Length) - 1; i >= 0; i--)
        {
            int at = i % words.Length;
            uint other = words[(at + far + words.Length) % words.Length];
            words[at] -= words[(at + near + words.Length) % words.Length] ^ uint.RotateLeft(other, turns[at % 4]);
        }
    }

    private static void Xor(byte[] target, byte[] other)
    {
        for (int i = 0; i < target.Length; i++)
        {
            target[i] ^= other[i];
        }
    }
}
