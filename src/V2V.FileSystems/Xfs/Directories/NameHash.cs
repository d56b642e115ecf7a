using System.Numerics;

namespace V2V.FileSystems.Xfs.Directories;

/// <summary>The hash of names of directory entries and attributes (xfs_da_hashname), and their comparison.</summary>
internal static class NameHash
{
    public static uint Of(ReadOnlySpan<byte> name)
    {
        uint hash = 0;
        while (name.Length >= 4)
        {
            hash = ((uint)name[0] << 21) ^ ((uint)name[1] << 14) ^ ((uint)name[2] << 7) ^ name[3] ^ BitOperations.RotateLeft(hash, 28);
            name = name[4..];
        }

        return name.Length switch
        {
            3 => ((uint)name[0] << 14) ^ ((uint)name[1] << 7) ^ name[2] ^ BitOperations.RotateLeft(hash, 21),
            2 => ((uint)name[0] << 7) ^ name[1] ^ BitOperations.RotateLeft(hash, 14),
            1 => name[0] ^ BitOperations.RotateLeft(hash, 7),
            _ => hash,
        };
    }

    /// <summary>The hash of a directory entry; with ASCII case-insensitivity it is that of the name in lower case, byte by byte.</summary>
    public static uint OfEntry(ReadOnlySpan<byte> name, bool caseInsensitive)
    {
        if (!caseInsensitive)
        {
            return Of(name);
        }

        uint hash = 0;
        foreach (byte value in name)
        {
            hash = Fold(value) ^ BitOperations.RotateLeft(hash, 7);
        }

        return hash;
    }

    public static bool AreEqual(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, bool caseInsensitive)
    {
        if (!caseInsensitive)
        {
            return left.SequenceEqual(right);
        }

        if (left.Length != right.Length)
        {
            return false;
        }

        for (int i = 0; i < left.Length; i++)
        {
            if (Fold(left[i]) != Fold(right[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static byte Fold(byte value) =>
        value is >= (byte)'A' and <= (byte)'Z' or >= 0xC0 and <= 0xD6 or >= 0xD8 and <= 0xDE ? (byte)(value + 0x20) : value;
}
