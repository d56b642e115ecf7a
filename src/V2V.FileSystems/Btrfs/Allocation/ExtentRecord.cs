namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>Who refers to an extent (On-disk Format, "Extent inline refs").</summary>
/// <param name="Type">One of the four types of references.</param>
/// <param name="Root">The tree, or for shared references the address of the block that refers.</param>
/// <param name="Inode">The file; 0 for tree blocks and shared references.</param>
/// <param name="Offset">Where the file would begin in the extent.</param>
internal readonly record struct ExtentReference(byte Type, ulong Root, ulong Inode = 0, ulong Offset = 0)
{
    public bool IsData => Type is ItemType.ExtentDataRef or ItemType.SharedDataRef;

    /// <summary>Bytes that it takes within the item of the extent.</summary>
    public int InlineSize => SizeOf(Type);

    /// <summary>What references of one type are ordered by, the highest first; the offset of the key where it has its own item.</summary>
    public ulong Order => Type == ItemType.ExtentDataRef ? BtrfsChecksum.DataReferenceHash(Root, Inode, Offset) : Root;

    public static ExtentReference TreeBlock(ulong root, long parent) =>
        parent != 0 ? new(ItemType.SharedBlockRef, (ulong)parent) : new(ItemType.TreeBlockRef, root);

    public static int SizeOf(byte type) => type switch
    {
        ItemType.TreeBlockRef or ItemType.SharedBlockRef => 9,
        ItemType.ExtentDataRef => 29,
        ItemType.SharedDataRef => 13,
        _ => 0,
    };

    public static ExtentReference ReadInline(ReadOnlySpan<byte> raw) => raw[0] == ItemType.ExtentDataRef
        ? new ExtentReference(raw[0], Le.U64(raw, 1), Le.U64(raw, 9), Le.U64(raw, 17))
        : new ExtentReference(raw[0], Le.U64(raw, 1));

    public byte[] MakeInline(uint count)
    {
        var raw = new byte[InlineSize];
        raw[0] = Type;
        Le.Set64(raw, 1, Root);
        if (Type == ItemType.ExtentDataRef)
        {
            Le.Set64(raw, 9, Inode);
            Le.Set64(raw, 17, Offset);
        }

        if (IsData)
        {
            Le.Set32(raw, raw.Length - 4, count);
        }

        return raw;
    }

    /// <summary>The content of an item of its own.</summary>
    public byte[] MakeItem(uint count)
    {
        byte[] inline = MakeInline(count);
        return Type switch
        {
            ItemType.ExtentDataRef => inline[1..],
            ItemType.SharedDataRef => inline[9..],
            _ => [],
        };
    }
}

/// <summary>The item of an extent in use: its references are counted, and some of them stored within (On-disk Format, "EXTENT_ITEM").</summary>
internal sealed class ExtentRecord
{
    public const ulong FlagData = 1;
    public const ulong FlagTreeBlock = 2;
    public const ulong FlagFullBackReference = 1 << 8;
    public const int HeaderSize = 24;
    private const int BlockInfoSize = 18;

    public ExtentRecord(BtrfsKey key, byte[] raw)
    {
        Key = key;
        Raw = raw;
        if (raw.Length < InlineStart)
        {
            throw BtrfsErrors.Item(key, "it is too short");
        }
    }

    public BtrfsKey Key { get; }

    public byte[] Raw { get; private set; }

    public ulong Count { get => Le.U64(Raw, 0); set => Le.Set64(Raw, 0, value); }

    public ulong Generation { set => Le.Set64(Raw, 8, value); }

    public ulong Flags { get => Raw.Length < HeaderSize ? 0 : Le.U64(Raw, 16); set => Le.Set64(Raw, 16, value); }

    private int InlineStart => HeaderSize + (Key.Type == ItemType.Extent && (Flags & FlagTreeBlock) != 0 ? BlockInfoSize : 0);

    public static byte[] MakeTreeBlock(ulong transaction, bool isSkinny, BtrfsKey firstKey, int level)
    {
        var raw = new byte[HeaderSize + (isSkinny ? 0 : BlockInfoSize)];
        Le.Set64(raw, 8, transaction);
        Le.Set64(raw, 16, FlagTreeBlock);
        if (!isSkinny)
        {
            firstKey.Write(raw.AsSpan(HeaderSize));
            raw[^1] = (byte)level;
        }

        return raw;
    }

    public static byte[] MakeData(ulong transaction)
    {
        var raw = new byte[HeaderSize];
        Le.Set64(raw, 8, transaction);
        Le.Set64(raw, 16, FlagData);
        return raw;
    }

    /// <summary>Where a reference is within the item, or where it belongs.</summary>
    public (int At, bool IsThere) Find(ExtentReference wanted)
    {
        int at = InlineStart;
        while (at < Raw.Length)
        {
            byte type = Raw[at];
            int size = ExtentReference.SizeOf(type);
            if (size == 0 || size > Raw.Length - at)
            {
                throw BtrfsErrors.Item(Key, "a reference in it is damaged");
            }

            if (type > wanted.Type)
            {
                break;
            }

            if (type == wanted.Type)
            {
                ExtentReference here = ExtentReference.ReadInline(Raw.AsSpan(at));
                if (here == wanted)
                {
                    return (at, true);
                }

                if (here.Order < wanted.Order)
                {
                    break;
                }
            }

            at += size;
        }

        return (at, false);
    }

    public uint InlineCount(int at) => ExtentReference.ReadInline(Raw.AsSpan(at)) is { IsData: true } reference ? Le.U32(Raw, at + reference.InlineSize - 4) : 1;

    public void SetInlineCount(int at, uint count) => Le.Set32(Raw, at + ExtentReference.SizeOf(Raw[at]) - 4, count);

    public void InsertInline(int at, byte[] reference) => Raw = [.. Raw.AsSpan(0, at), .. reference, .. Raw.AsSpan(at)];

    public void RemoveInline(int at) => Raw = [.. Raw.AsSpan(0, at), .. Raw.AsSpan(at + ExtentReference.SizeOf(Raw[at]))];
}
