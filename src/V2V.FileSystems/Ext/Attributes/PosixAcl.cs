namespace V2V.FileSystems.Ext.Attributes;

/// <summary>
/// Access control lists between their stored form (version 1, entries of 4 or 8 bytes) and the form of getxattr(2)
/// (version 2, entries of 8 bytes), which is what guests' tools and other file systems use.
/// </summary>
internal static class PosixAcl
{
    private const uint StoredVersion = 1;
    private const uint PublicVersion = 2;
    private const ushort TagOwner = 1;
    private const ushort TagUser = 2;
    private const ushort TagOwningGroup = 4;
    private const ushort TagGroup = 8;
    private const ushort TagMask = 0x10;
    private const ushort TagOther = 0x20;

    /// <summary>The public form, or null if the stored form is not valid.</summary>
    public static byte[]? ToPublic(ReadOnlySpan<byte> stored)
    {
        if (stored.Length < 4 || Le.U32(stored, 0) != StoredVersion)
        {
            return null;
        }

        var result = new byte[4 + (stored.Length / 4 * 8)];
        Le.Set32(result, 0, PublicVersion);
        int length = 4;
        for (int place = 4; place < stored.Length;)
        {
            int size = stored.Length - place >= 4 && HasId(Le.U16(stored, place)) ? 8 : 4;
            if (place + size > stored.Length)
            {
                return null;
            }

            stored.Slice(place, 4).CopyTo(result.AsSpan(length));
            Le.Set32(result, length + 4, size == 8 ? Le.U32(stored, place + 4) : uint.MaxValue);
            length += 8;
            place += size;
        }

        return result[..length];
    }

    /// <summary>The stored form, or null if the public form is not valid.</summary>
    public static byte[]? ToStored(ReadOnlySpan<byte> value)
    {
        if (value.Length < 4 || value.Length % 8 != 4 || Le.U32(value, 0) != PublicVersion)
        {
            return null;
        }

        var result = new byte[value.Length];
        Le.Set32(result, 0, StoredVersion);
        int length = 4;
        for (int place = 4; place < value.Length; place += 8)
        {
            int size = HasId(Le.U16(value, place)) ? 8 : 4;
            value.Slice(place, size).CopyTo(result.AsSpan(length));
            length += size;
        }

        return result[..length];
    }

    /// <summary>Brings a stored list into line with permission bits, as chmod does; false if nothing had to change.</summary>
    public static bool SetMode(Span<byte> stored, int mode)
    {
        int mask = -1;
        int group = -1;
        bool changed = false;
        for (int place = 4; place + 4 <= stored.Length; place += HasId(Le.U16(stored, place)) ? 8 : 4)
        {
            switch (Le.U16(stored, place))
            {
                case TagOwner:
                    changed |= SetBits(stored, place, mode >> 6);
                    break;
                case TagOwningGroup:
                    group = place;
                    break;
                case TagMask:
                    mask = place;
                    break;
                case TagOther:
                    changed |= SetBits(stored, place, mode);
                    break;
            }
        }

        int target = mask >= 0 ? mask : group;
        return (target >= 0 && SetBits(stored, target, mode >> 3)) || changed;
    }

    private static bool SetBits(Span<byte> stored, int place, int bits)
    {
        bool changed = Le.U16(stored, place + 2) != (bits & 7);
        Le.Set16(stored, place + 2, (uint)bits & 7);
        return changed;
    }

    private static bool HasId(ushort tag) => tag is TagUser or TagGroup;
}
