namespace V2V.Core.Inspection.Boot;

/// <summary>An entry of a boot loader's menu.</summary>
/// <param name="Title">What the menu shows.</param>
/// <param name="Id">Identifier that a default may name, or null.</param>
/// <param name="Kernel">Path of the kernel as the loader spells it, or null (chain loader, memtest).</param>
/// <param name="Initrds">Paths of the initramfs files as the loader spells them.</param>
/// <param name="CommandLine">Kernel command line.</param>
internal sealed record BootEntry(string Title, string? Id, string? Kernel, IReadOnlyList<string> Initrds, string CommandLine);

/// <summary>A boot loader's menu.</summary>
/// <param name="Entries">All entries in order, those of sub-menus too.</param>
/// <param name="Default">The entry that starts when nobody touches a key, or null for an empty menu.</param>
internal sealed record BootMenu(IReadOnlyList<BootEntry> Entries, BootEntry? Default)
{
    /// <summary>Largest number of entries that any parser keeps.</summary>
    internal const int MaxEntries = 4096;

    internal static BootMenu Empty { get; } = new([], null);
}
