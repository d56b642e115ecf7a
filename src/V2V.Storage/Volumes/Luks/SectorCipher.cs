using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using V2V.Storage.Volumes.Raid;

namespace V2V.Storage.Volumes.Luks;

/// <summary>
/// Encrypts sectors as dm-crypt does: a cipher in XTS or CBC mode, with an initial value made of the sector's number (Linux'
/// Documentation/admin-guide/device-mapper/dm-crypt.rst; IEEE 1619 for XTS). BitLocker does the same with AES. Thread-safe; many sectors go through the
/// cipher in one call.
/// </summary>
internal sealed class SectorCipher : IDisposable
{
    private readonly BlockCipher _data;
    private readonly BlockCipher? _tweak;
    private readonly bool _isXts;
    private readonly bool _isShort;

    private SectorCipher(BlockCipher data, BlockCipher? tweak, bool isXts, bool isShort) => (_data, _tweak, _isXts, _isShort) = (data, tweak, isXts, isShort);

    /// <summary>Makes a cipher by dm-crypt's specification.</summary>
    /// <param name="specification">Cipher, mode and initial value: <c>aes-xts-plain64</c>, <c>aes-cbc-essiv:sha256</c>.</param>
    /// <param name="key">The key; XTS takes its second half for the tweak.</param>
    /// <param name="target">The volume, for messages.</param>
    /// <exception cref="V2VException"><c>LuksCipherUnsupported</c>.</exception>
    internal static SectorCipher Create(string specification, ReadOnlySpan<byte> key, string target)
    {
        string[] parts = specification.Split('-', 3);
        string vector = parts.Length == 3 ? parts[2] : "";
        switch (parts.Length == 3 ? parts[1] : "")
        {
            case "xts" when vector is "plain64" or "plain" && key.Length % 2 == 0:
                return new SectorCipher(
                    BlockCipher.Create(parts[0], key[..(key.Length / 2)], target), BlockCipher.Create(parts[0], key[(key.Length / 2)..], target), true, vector == "plain");
            case "cbc" when vector is "plain64" or "plain":
                return new SectorCipher(BlockCipher.Create(parts[0], key, target), null, false, vector == "plain");
            case "cbc" when vector.StartsWith("essiv:", StringComparison.Ordinal):
                LuksHash hash = LuksHash.Find(vector[6..], target);
                Span<byte> salt = stackalloc byte[hash.Size];
                hash.Compute(key, salt);
                BlockCipher essiv = BlockCipher.Create(parts[0], salt, target);
                CryptographicOperations.ZeroMemory(salt);
                return new SectorCipher(BlockCipher.Create(parts[0], key, target), essiv, false, false);
            default:
                throw LuksErrors.Unsupported("LuksCipherUnsupported", $"The volume {target} is encrypted by {specification}, which V2V does not know.", target);
        }
    }

    /// <summary>AES-XTS.</summary>
    /// <param name="key">The key of the data and then that of the tweak, each 16 or 32 bytes.</param>
    /// <param name="target">The volume, for messages.</param>
    internal static SectorCipher CreateXts(ReadOnlySpan<byte> key, string target) =>
        new(BlockCipher.Create("aes", key[..(key.Length / 2)], target), BlockCipher.Create("aes", key[(key.Length / 2)..], target), true, false);

    /// <summary>AES-CBC whose initial value is the sector's number, encrypted by the key of the data.</summary>
    /// <param name="key">The key, 16 or 32 bytes.</param>
    /// <param name="target">The volume, for messages.</param>
    internal static SectorCipher CreateCbc(ReadOnlySpan<byte> key, string target) =>
        new(BlockCipher.Create("aes", key, target), BlockCipher.Create("aes", key, target), false, false);

    /// <summary>Encrypts or decrypts whole sectors in place.</summary>
    /// <param name="encrypt">True to encrypt.</param>
    /// <param name="number">Number of the first sector, in units of 512 bytes.</param>
    /// <param name="sectorSize">Size of a sector in bytes.</param>
    /// <param name="data">Buffer that holds them from its start.</param>
    /// <param name="count">Bytes, a multiple of the sector size.</param>
    internal void Transform(bool encrypt, ulong number, int sectorSize, byte[] data, int count) =>
        Transform(encrypt, number, (ulong)(sectorSize / 512), sectorSize, data, count);

    /// <summary>Encrypts or decrypts whole sectors in place.</summary>
    /// <param name="encrypt">True to encrypt.</param>
    /// <param name="number">Number of the first sector.</param>
    /// <param name="step">By how much the number grows from sector to sector.</param>
    /// <param name="sectorSize">Size of a sector in bytes.</param>
    /// <param name="data">Buffer that holds them from its start.</param>
    /// <param name="count">Bytes, a multiple of the sector size.</param>
    internal void Transform(bool encrypt, ulong number, ulong step, int sectorSize, byte[] data, int count)
    {
        int sectors = count / sectorSize;
        byte[] vectors = ArrayPool<byte>.Shared.Rent(sectors * BlockCipher.BlockSize), work = ArrayPool<byte>.Shared.Rent(count);
        try
        {
            MakeVectors(vectors, sectors, number, step);
            if (_isXts)
            {
                Spread(vectors, sectors, sectorSize, work);
                GaloisField.Xor(data.AsSpan(0, count), work);
                _data.Transform(encrypt, data, count);
                GaloisField.Xor(data.AsSpan(0, count), work);
            }
            else if (encrypt)
            {
                EncryptChains(vectors, sectors, sectorSize, data, work);
            }
            else
            {
                DecryptChains(vectors, sectors, sectorSize, data.AsSpan(0, count), work, data);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(vectors);
            ArrayPool<byte>.Shared.Return(work);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _data.Dispose();
        _tweak?.Dispose();
    }

    private void MakeVectors(byte[] vectors, int sectors, ulong number, ulong step)
    {
        for (int i = 0; i < sectors; i++, number += step)
        {
            Span<byte> vector = vectors.AsSpan(i * BlockCipher.BlockSize, BlockCipher.BlockSize);
            BinaryPrimitives.WriteUInt64LittleEndian(vector, _isShort ? number & uint.MaxValue : number);
            vector[8..].Clear();
        }

        _tweak?.Transform(true, vectors, sectors * BlockCipher.BlockSize);
    }

    /// <summary>The tweaks of XTS: each sector's first one, multiplied by x for each further block in GF(2^128).</summary>
    private static void Spread(byte[] vectors, int sectors, int sectorSize, byte[] tweaks)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(tweaks.AsSpan(0, sectors * sectorSize));
        int at = 0;
        for (int sector = 0; sector < sectors; sector++)
        {
            ulong low = BinaryPrimitives.ReadUInt64LittleEndian(vectors.AsSpan(sector * 16)), high = BinaryPrimitives.ReadUInt64LittleEndian(vectors.AsSpan((sector * 16) + 8));
            for (int block = 0; block < sectorSize / 16; block++)
            {
                words[at++] = low;
                words[at++] = high;
                ulong carry = (ulong)((long)high >> 63) & 0x87;
                high = (high << 1) | (low >> 63);
                low = (low << 1) ^ carry;
            }
        }
    }

    /// <summary>CBC chains the blocks of a sector, so the same block of all sectors goes through the cipher together.</summary>
    private void EncryptChains(byte[] vectors, int sectors, int sectorSize, byte[] data, byte[] column)
    {
        for (int block = 0; block < sectorSize; block += 16)
        {
            for (int sector = 0; sector < sectors; sector++)
            {
                Span<byte> previous = block == 0 ? vectors.AsSpan(sector * 16, 16) : data.AsSpan((sector * sectorSize) + block - 16, 16);
                Span<byte> own = column.AsSpan(sector * 16, 16);
                data.AsSpan((sector * sectorSize) + block, 16).CopyTo(own);
                GaloisField.Xor(own, previous);
            }

            _data.Transform(true, column, sectors * 16);
            for (int sector = 0; sector < sectors; sector++)
            {
                column.AsSpan(sector * 16, 16).CopyTo(data.AsSpan((sector * sectorSize) + block));
            }
        }
    }

    private void DecryptChains(byte[] vectors, int sectors, int sectorSize, Span<byte> data, byte[] previous, byte[] buffer)
    {
        data[..^16].CopyTo(previous.AsSpan(16));
        for (int sector = 0; sector < sectors; sector++)
        {
            vectors.AsSpan(sector * 16, 16).CopyTo(previous.AsSpan(sector * sectorSize));
        }

        _data.Transform(false, buffer, data.Length);
        GaloisField.Xor(data, previous);
    }
}
