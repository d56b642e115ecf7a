using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using V2V.Storage.Volumes.Luks;
using V2V.Storage.Volumes.Raid;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>
/// Encrypts sectors as BitLocker does: AES-XTS by the sector's number, or AES-CBC by its first byte, with or without the Elephant diffuser around it (libbde,
/// Encryption methods). Numbers and bytes count from the volume's begin, and are those of the place where the sector is stored. Thread-safe.
/// </summary>
internal sealed class BitLockerCipher : IDisposable
{
    private const int SectorKeySize = 32;
    private const int DiffuserKeySize = 64;
    private const byte SecondHalf = 0x80;

    private readonly SectorCipher _sectors;
    private readonly BlockCipher? _diffuser;
    private readonly int _sectorSize;
    private readonly bool _isXts;

    private BitLockerCipher(SectorCipher sectors, BlockCipher? diffuser, int sectorSize, bool isXts) => (_sectors, _diffuser, _sectorSize, _isXts) = (sectors, diffuser, sectorSize, isXts);

    /// <summary>Makes the cipher of a volume.</summary>
    /// <param name="key">The key of its data.</param>
    /// <param name="sectorSize">Bytes in a sector.</param>
    /// <param name="target">The volume, for messages.</param>
    /// <exception cref="V2VException"><c>BitLockerCipherUnsupported</c>.</exception>
    internal static BitLockerCipher Create(PlainKey key, int sectorSize, string target)
    {
        byte[] bytes = key.Bytes;
        return (key.Algorithm, bytes.Length) switch
        {
            (0x8000, DiffuserKeySize) => WithDiffuser(bytes, 16, sectorSize, target),
            (0x8001, DiffuserKeySize) => WithDiffuser(bytes, 32, sectorSize, target),
            (0x8002, 16) or (0x8003, 32) => new BitLockerCipher(SectorCipher.CreateCbc(bytes, target), null, sectorSize, false),
            (0x8004, 32) or (0x8005, 64) => new BitLockerCipher(SectorCipher.CreateXts(bytes, target), null, sectorSize, true),
            _ => throw BitLockerErrors.Unsupported(
                "BitLockerCipherUnsupported", FormattableString.Invariant($"The volume {target} is encrypted by BitLocker's method 0x{key.Algorithm:x4} with {bytes.Length * 8} bits of key, which V2V does not know."), target),
        };
    }

    /// <summary>Encrypts or decrypts whole sectors in place.</summary>
    /// <param name="encrypt">True to encrypt.</param>
    /// <param name="offset">Where the first is stored on the volume.</param>
    /// <param name="data">Buffer that holds them from its start.</param>
    /// <param name="count">Bytes, a multiple of the sector size.</param>
    internal void Transform(bool encrypt, long offset, byte[] data, int count)
    {
        if (_isXts)
        {
            _sectors.Transform(encrypt, (ulong)(offset / _sectorSize), 1, _sectorSize, data, count);
            return;
        }

        if (encrypt && _diffuser is not null)
        {
            Diffuse(true, _diffuser, offset, data, count);
        }

        _sectors.Transform(encrypt, (ulong)offset, (ulong)_sectorSize, _sectorSize, data, count);
        if (!encrypt && _diffuser is not null)
        {
            Diffuse(false, _diffuser, offset, data, count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sectors.Dispose();
        _diffuser?.Dispose();
    }

    /// <summary>The first half of the key is AES-CBC's, the second the diffuser's; with 128 bits, of each half the first 16 bytes are.</summary>
    private static BitLockerCipher WithDiffuser(ReadOnlySpan<byte> key, int size, int sectorSize, string target) =>
        new(SectorCipher.CreateCbc(key[..size], target), BlockCipher.Create("aes", key.Slice(DiffuserKeySize / 2, size), target), sectorSize, false);

    private void Diffuse(bool encrypt, BlockCipher diffuser, long offset, byte[] data, int count)
    {
        int sectors = count / _sectorSize;
        byte[] keys = ArrayPool<byte>.Shared.Rent(sectors * SectorKeySize);
        try
        {
            Span<byte> all = keys.AsSpan(0, sectors * SectorKeySize);
            all.Clear();
            for (int i = 0; i < sectors; i++)
            {
                Span<byte> pair = all.Slice(i * SectorKeySize, SectorKeySize);
                BinaryPrimitives.WriteInt64LittleEndian(pair, offset + ((long)i * _sectorSize));
                BinaryPrimitives.WriteInt64LittleEndian(pair[16..], offset + ((long)i * _sectorSize));
                pair[^1] = SecondHalf;
            }

            diffuser.Transform(true, keys, all.Length);
            for (int i = 0; i < sectors; i++)
            {
                Span<byte> sector = data.AsSpan(i * _sectorSize, _sectorSize);
                ReadOnlySpan<byte> key = all.Slice(i * SectorKeySize, SectorKeySize);
                if (encrypt)
                {
                    Mask(sector, key);
                    ElephantDiffuser.Encrypt(MemoryMarshal.Cast<byte, uint>(sector));
                }
                else
                {
                    ElephantDiffuser.Decrypt(MemoryMarshal.Cast<byte, uint>(sector));
                    Mask(sector, key);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(keys, clearArray: true);
        }
    }

    private static void Mask(Span<byte> sector, ReadOnlySpan<byte> key)
    {
        for (int at = 0; at < sector.Length; at += SectorKeySize)
        {
            GaloisField.Xor(sector.Slice(at, SectorKeySize), key);
        }
    }
}
