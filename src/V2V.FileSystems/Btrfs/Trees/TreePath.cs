namespace V2V.FileSystems.Btrfs.Trees;

/// <summary>The way from a tree's root to an item: a block and a slot for each level. Valid until the tree changes.</summary>
internal sealed class TreePath
{
    public const int MaxLevels = 8;

    public TreeBlock[] Blocks { get; } = new TreeBlock[MaxLevels];

    public int[] Slots { get; } = new int[MaxLevels];

    public TreeBlock Leaf => Blocks[0];

    public int Slot { get => Slots[0]; set => Slots[0] = value; }

    /// <summary>True if the slot holds an item; else it is where one would be inserted, behind the last.</summary>
    public bool HasItem => Slots[0] < Blocks[0].Count;

    public BtrfsKey Key => Leaf.Key(Slot);

    public Span<byte> Item => Leaf.Item(Slot);
}
