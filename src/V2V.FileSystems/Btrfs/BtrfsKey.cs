namespace V2V.FileSystems.Btrfs;

/// <summary>A key of a tree (On-disk Format, "Key"): 17 bytes on disk, ordered by object, type and offset.</summary>
internal readonly record struct BtrfsKey(ulong ObjectId, byte Type, ulong Offset) : IComparable<BtrfsKey>
{
    public const int Size = 17;

    public static BtrfsKey Max => new(ulong.MaxValue, byte.MaxValue, ulong.MaxValue);

    public static BtrfsKey Read(ReadOnlySpan<byte> raw) => new(Le.U64(raw, 0), raw[8], Le.U64(raw, 9));

    public void Write(Span<byte> raw)
    {
        Le.Set64(raw, 0, ObjectId);
        raw[8] = Type;
        Le.Set64(raw, 9, Offset);
    }

    /// <summary>The key right behind this one.</summary>
    public BtrfsKey Next() => Offset != ulong.MaxValue ? this with { Offset = Offset + 1 }
        : Type != byte.MaxValue ? new BtrfsKey(ObjectId, (byte)(Type + 1), 0)
        : new BtrfsKey(ObjectId + 1, 0, 0);

    public int CompareTo(BtrfsKey other)
    {
        int order = ObjectId.CompareTo(other.ObjectId);
        order = order != 0 ? order : Type.CompareTo(other.Type);
        return order != 0 ? order : Offset.CompareTo(other.Offset);
    }

    public static bool operator <(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) < 0;

    public static bool operator >(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) >= 0;

    public override string ToString() => FormattableString.Invariant($"({ObjectId} {Type} {Offset})");
}
