using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>A key that came out of its box, or lay open.</summary>
/// <param name="Algorithm">What it is a key of: 0x8004 for AES-XTS of 128 bits and so on (libbde, Encryption methods).</param>
/// <param name="Bytes">The key; whoever has it must zero it.</param>
internal readonly record struct PlainKey(int Algorithm, byte[] Bytes)
{
    /// <summary>Reads the data of a datum of type <see cref="DatumType.Key"/>: algorithm, flags, key.</summary>
    /// <returns>The key; null if there is none.</returns>
    internal static PlainKey? Read(ReadOnlySpan<byte> data) =>
        data.Length > 4 ? new PlainKey(BinaryPrimitives.ReadUInt16LittleEndian(data), data[4..].ToArray()) : null;
}

/// <summary>Keys under keys: AES-CCM with a nonce of 12 and a tag of 16 bytes around a datum of type Key (libbde, FVE AES-CCM encrypted key).</summary>
internal static class KeyBox
{
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int MaxSize = 1024;
    private const int KeySize = 32;

    /// <summary>Opens a box.</summary>
    /// <param name="key">The key to it, 32 bytes.</param>
    /// <param name="box">Data of a datum of type <see cref="DatumType.EncryptedKey"/>.</param>
    /// <returns>What lay in it; null if the key does not fit.</returns>
    internal static PlainKey? Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> box)
    {
        if (key.Length != KeySize || box.Length is <= NonceSize + TagSize + Datum.HeaderSize or > MaxSize)
        {
            return null;
        }

        ReadOnlySpan<byte> sealedBytes = box[(NonceSize + TagSize)..];
        Span<byte> plain = stackalloc byte[sealedBytes.Length];
        try
        {
            using var cipher = new AesCcm(key);
            cipher.Decrypt(box[..NonceSize], sealedBytes, box.Slice(NonceSize, TagSize), plain);
            int size = BinaryPrimitives.ReadUInt16LittleEndian(plain);
            return size > Datum.HeaderSize && size <= plain.Length && BinaryPrimitives.ReadUInt16LittleEndian(plain[4..]) == (int)DatumType.Key ? PlainKey.Read(plain[Datum.HeaderSize..size]) : null;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }
}
