using System.Numerics;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>
/// Spreads a change of one bit over a whole sector, so that AES-CBC resists manipulation (N. Ferguson, "AES-CBC + Elephant diffuser", section 4).
/// A sector is a ring of 32-bit words in little-endian order.
/// </summary>
internal static class ElephantDiffuser
{
    private const int RoundsA = 5;
    private const int RoundsB = 3;

    /// <summary>Undoes both diffusers.</summary>
    /// <param name="words">A sector; a power of two of words, at least 8.</param>
    internal static void Decrypt(Span<uint> words)
    {
        int mask = words.Length - 1;
        for (int round = 0; round < RoundsB; round++)
        {
            for (int i = 0; i < words.Length; i += 4)
            {
                words[i] += words[i + 2] ^ words[(i + 5) & mask];
                words[i + 1] += words[i + 3] ^ BitOperations.RotateLeft(words[(i + 6) & mask], 10);
                words[i + 2] += words[(i + 4) & mask] ^ words[(i + 7) & mask];
                words[i + 3] += words[(i + 5) & mask] ^ BitOperations.RotateLeft(words[(i + 8) & mask], 25);
            }
        }

        for (int round = 0; round < RoundsA; round++)
        {
            for (int i = 0; i < words.Length; i += 4)
            {
                words[i] += words[(i - 2) & mask] ^ BitOperations.RotateLeft(words[(i - 5) & mask], 9);
                words[i + 1] += words[(i - 1) & mask] ^ words[(i - 4) & mask];
                words[i + 2] += words[i] ^ BitOperations.RotateLeft(words[(i - 3) & mask], 13);
                words[i + 3] += words[i + 1] ^ words[(i - 2) & mask];
            }
        }
    }

    /// <summary>Applies both diffusers.</summary>
    /// <param name="words">A sector; a power of two of words, at least 8.</param>
    internal static void Encrypt(Span<uint> words)
    {
        int mask = words.Length - 1;
        for (int round = 0; round < RoundsA; round++)
        {
            for (int i = words.Length - 4; i >= 0; i -= 4)
            {
                words[i + 3] -= words[i + 1] ^ words[(i - 2) & mask];
                words[i + 2] -= words[i] ^ BitOperations.RotateLeft(words[(i - 3) & mask], 13);
                words[i + 1] -= words[(i - 1) & mask] ^ words[(i - 4) & mask];
                words[i] -= words[(i - 2) & mask] ^ BitOperations.RotateLeft(words[(i - 5) & mask], 9);
            }
        }

        for (int round = 0; round < RoundsB; round++)
        {
            for (int i = words.Length - 4; i >= 0; i -= 4)
            {
                words[i + 3] -= words[(i + 5) & mask] ^ BitOperations.RotateLeft(words[(i + 8) & mask], 25);
                words[i + 2] -= words[(i + 4) & mask] ^ words[(i + 7) & mask];
                words[i + 1] -= words[i + 3] ^ BitOperations.RotateLeft(words[(i + 6) & mask], 10);
                words[i] -= words[i + 2] ^ words[(i + 5) & mask];
            }
        }
    }
}
