namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>What happens to the record of an extent.</summary>
internal enum ReferenceAction
{
    /// <summary>A new extent with one reference.</summary>
    Create,

    /// <summary>A further reference.</summary>
    Add,

    /// <summary>One reference less; without any the extent is freed.</summary>
    Drop,

    /// <summary>The block refers to its children by its address from now on.</summary>
    SetFullBackReference,

    /// <summary>The block was changed in place by this transaction.</summary>
    SetGeneration,
}

/// <summary>A change of the extent tree that waits to be made: making it at once could change the very tree that asks for it.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Address">The extent.</param>
/// <param name="Length">Its length.</param>
/// <param name="Level">Level of a tree block; -1 for data.</param>
/// <param name="Reference">Who refers to it.</param>
/// <param name="FirstKey">First key of a new tree block.</param>
internal readonly record struct ReferenceChange(
    ReferenceAction Action, long Address, long Length, int Level, ExtentReference Reference, BtrfsKey FirstKey = default)
{
    public bool IsData => Level < 0;
}
