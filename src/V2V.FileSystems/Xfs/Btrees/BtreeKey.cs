namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>The sort key of a record, most significant field first.</summary>
internal readonly record struct BtreeKey(ulong A, ulong B = 0, ulong C = 0) : IComparable<BtreeKey>
{
    public static bool operator <(BtreeKey left, BtreeKey right) => left.CompareTo(right) < 0;

    public static bool operator >(BtreeKey left, BtreeKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(BtreeKey left, BtreeKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(BtreeKey left, BtreeKey right) => left.CompareTo(right) >= 0;

    public int CompareTo(BtreeKey other)
    {
        int order = A.CompareTo(other.A);
        if (order == 0)
        {
            order = B.CompareTo(other.B);
        }

        return order == 0 ? C.CompareTo(other.C) : order;
    }
}
