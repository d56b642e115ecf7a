using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>
/// Access control lists between their stored form (xfs_acl: a count, then tag, id and permissions in 12 bytes, big-endian) and the
/// form of getxattr(2) (version 2, entries of 8 bytes, little-endian).
/// </summary>
internal static class AccessControlList
{
    private const uint PublicVersion = 2;
    private const int TagOwner = 1;
    private const int TagUser = 2;
    private const int TagOwningGroup = 4;
    private const int TagGroup = 8;
    private const int TagMask = 0x10;
    private const int TagOther = 0x20;

    /// <summary>The public form, or null if the stored form is not valid.</summary>
    public static byte[]? ToPublic(ReadOnlySpan<byte> stored)
    {
        if (stored.Length < 4 || stored.Length % 12 != 4 || Be.U32(stored, 0) != (uint)(stored.Length - 4) / 12)
        {
            return null;
        }

        var result = new byte[4 + ((stored.Length - 4) / 12 * 8)];
        BinaryPrimitives.WriteUInt32LittleEndian(result, PublicVersion);
        for (int from = 4, to = 4; from < stored.Length; from += 12, to += 8)
        {
            uint tag = Be.U32(stored, from);
            BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(to), (ushort)tag);
            BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(to + 2), Be.U16(stored, from + 8));
            BinaryPrimitives.WriteUInt32LittleEndian(result.AsSpan(to + 4), tag is TagUser or TagGroup ? Be.U32(stored, from + 4) : uint.MaxValue);
        }

        return result;
    }

    /// <summary>The stored form, or null if the public form is not valid.</summary>
    public static byte[]? ToStored(ReadOnlySpan<byte> value)
    {
        if (value.Length < 4 || value.Length % 8 != 4 || BinaryPrimitives.ReadUInt32LittleEndian(value) != PublicVersion)
        {
            return null;
        }

        int count = (value.Length - 4) / 8;
        var result = new byte[4 + (count * 12)];
        Be.Set32(result, 0, (uint)count);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = value.Slice(4 + (i * 8), 8);
            int tag = BinaryPrimitives.ReadUInt16LittleEndian(entry);
            int at = 4 + (i * 12);
            Be.Set32(result, at, (uint)tag);
            Be.Set32(result, at + 4, tag is TagUser or TagGroup ? BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]) : 0);
            Be.Set16(result, at + 8, BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]));
        }

        return result;
    }

    /// <summary>Brings a stored list into line with permission bits, as chmod does; false if nothing had to change.</summary>
    public static bool SetMode(Span<byte> stored, int mode)
    {
        int mask = -1;
        int group = -1;
        bool changed = false;
        for (int at = 4; at + 12 <= stored.Length; at += 12)
        {
            switch (Be.U32(stored, at))
            {
                case TagOwner:
                    changed |= SetBits(stored, at, mode >> 6);
                    break;
                case TagOwningGroup:
                    group = at;
                    break;
                case TagMask:
                    mask = at;
                    break;
                case TagOther:
                    changed |= SetBits(stored, at, mode);
                    break;
                default:
                    break;
            }
        }

        int target = mask >= 0 ? mask : group;
        return (target >= 0 && SetBits(stored, target, mode >> 3)) || changed;
    }

    private static bool SetBits(Span<byte> stored, int at, int bits)
    {
        bool changed = Be.U16(stored, at + 8) != (bits & 7);
        Be.Set16(stored, at + 8, bits & 7);
        return changed;
    }
}
