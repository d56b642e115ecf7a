using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.Testing.BitLocker;

/// <summary>Encrypts single sectors as BitLocker does, straight from the definitions (IEEE 1619; Ferguson's paper), with none of the product's code.</summary>
internal sealed class BitLockerSectors : IDisposable
{
    private readonly int _method;
    private readonly Aes _data = Aes.Create();
    private readonly Aes _second = Aes.Create();

    /// <param name="method">0x8000 to 0x8005.</param>
    /// <param name="key">Key of the data, as the metadata holds it.</param>
    internal BitLockerSectors(int method, byte[] key)
    {
        _method = method;
        (_data.Key, _second.Key) = method switch
        {
            0x8000 => (key[..16], key[32..48]),
            0x8002 or 0x8003 => (key, key),
            _ => (key[..(key.Length / 2)], key[(key.Length / 2)..]),
        };
    }

    /// <summary>Encrypts a sector.</summary>
    /// <param name="offset">Where it is stored on the volume.</param>
    /// <param name="plain">The sector.</param>
    internal byte[] Encrypt(long offset, ReadOnlySpan<byte> plain) => _method switch
    {
        0x8004 or 0x8005 => Xts(offset / plain.Length, plain),
        0x8002 or 0x8003 => Cbc(offset, plain),
        _ => Cbc(offset, Diffuse(offset, plain)),
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        _data.Dispose();
        _second.Dispose();
    }

    private static byte[] Number(long value, byte last = 0)
    {
        var block = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(block, value);
        block[15] = last;
        return block;
    }

    private byte[] Cbc(long offset, ReadOnlySpan<byte> plain) => _data.EncryptCbc(plain, _data.EncryptEcb(Number(offset), PaddingMode.None), PaddingMode.None);

    private byte[] Xts(long number, ReadOnlySpan<byte> plain)
    {
        byte[] tweak = _second.EncryptEcb(Number(number), PaddingMode.None), result = plain.ToArray(), tweaks = new byte[plain.Length];
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
        result = _data.EncryptEcb(result, PaddingMode.None);
        Xor(result, tweaks);
        return result;
    }

    private byte[] Diffuse(long offset, ReadOnlySpan<byte> plain)
    {
        byte[] result = plain.ToArray(), mask = [.. _second.EncryptEcb(Number(offset), PaddingMode.None), .. _second.EncryptEcb(Number(offset, 0x80), PaddingMode.None)];
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
