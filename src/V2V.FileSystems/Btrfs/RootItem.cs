namespace V2V.FileSystems.Btrfs;

/// <summary>The item of a tree in the root tree (On-disk Format, "ROOT_ITEM"); a copy. Before Linux 3.7 it was shorter.</summary>
internal sealed class RootItem
{
    public const int LegacySize = 239;
    public const int FullSize = 439;
    private const ulong FlagReadOnly = 1;

    public RootItem(BtrfsKey key, ReadOnlySpan<byte> raw)
    {
        if (raw.Length < LegacySize)
        {
            throw BtrfsErrors.Item(key, "it is too short");
        }

        Key = key;
        Raw = raw.ToArray();
    }

    public BtrfsKey Key { get; }

    public byte[] Raw { get; }

    public ulong Generation { get => Le.U64(Raw, 160); }

    public long Address { get => (long)Le.U64(Raw, 176); }

    public int Level => Raw[238];

    public ulong DirectoryId => Le.U64(Raw, 168);

    public ulong LastSnapshot => Le.U64(Raw, 200);

    public bool IsReadOnly => (Le.U64(Raw, 208) & FlagReadOnly) != 0;

    public uint References => Le.U32(Raw, 216);

    /// <summary>True for a snapshot: it was made from another subvolume.</summary>
    public bool IsSnapshot => Raw.Length >= FullSize && Raw.AsSpan(263, 16).ContainsAnyExcept((byte)0);

    /// <summary>Changes where the tree is. The second generation says that the newer fields are valid.</summary>
    public void SetRoot(long address, int level, ulong generation, long usedDelta)
    {
        bool isCurrent = Raw.Length >= FullSize && Le.U64(Raw, LegacySize) == Generation;
        Le.Set64(Raw, 160, generation);
        Le.Set64(Raw, 176, (ulong)address);
        Le.Set64(Raw, 192, (ulong)Math.Max(0, (long)Le.U64(Raw, 192) + usedDelta));
        Raw[238] = (byte)level;
        if (isCurrent)
        {
            Le.Set64(Raw, LegacySize, generation);
        }
    }
}
