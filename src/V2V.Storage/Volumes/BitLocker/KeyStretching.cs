using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>Makes passwords costly to guess: a chain of 2^20 SHA-256 digests (libbde, Recovery key).</summary>
internal static class KeyStretching
{
    /// <summary>Bytes of salt.</summary>
    internal const int SaltSize = 16;

    private const int Rounds = 0x100000;
    private const int HashSize = 32;

    /// <summary>Makes the key of a protector.</summary>
    /// <param name="hash">SHA-256 of the recovery password's 16 bytes; SHA-256 of the SHA-256 of a password in UTF-16.</param>
    /// <param name="salt">The protector's salt, 16 bytes.</param>
    /// <param name="key">Takes the key, 32 bytes.</param>
    internal static void Stretch(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> salt, Span<byte> key)
    {
        // Last digest, first digest, salt, number of the round.
        Span<byte> state = stackalloc byte[HashSize + HashSize + SaltSize + 8];
        state.Clear();
        hash.CopyTo(state[HashSize..]);
        salt.CopyTo(state[(HashSize * 2)..]);
        for (long round = 0; round < Rounds; round++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(state[^8..], round);
            SHA256.HashData(state, key);
            key.CopyTo(state);
        }

        CryptographicOperations.ZeroMemory(state);
    }
}
