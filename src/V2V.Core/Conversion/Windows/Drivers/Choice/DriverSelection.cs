using V2V.Core.Conversion.Windows.Drivers.Library;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>The drivers that a guest gets. It reads from the library, which must stay open as long as files are opened.</summary>
internal sealed record DriverSelection
{
    /// <summary>The Windows that they are for.</summary>
    internal required TargetSystem Target { get; init; }

    /// <summary>One driver for each device, in the order of their kinds; those that the guest keeps are among them.</summary>
    internal IReadOnlyList<DriverChoice> Drivers { get; init; } = [];

    /// <summary>Installers of qemu-guest-agent for the guest's architecture.</summary>
    internal IReadOnlyList<LibraryFile> AgentInstallers { get; init; } = [];

    /// <summary>The balloon's service program, or null.</summary>
    internal LibraryFile? BalloonService { get; init; }

    /// <summary>What the user should know, in sentences.</summary>
    internal IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The driver for a kind of device, or null.</summary>
    internal DriverChoice? Find(DriverKind kind) => Drivers.FirstOrDefault(d => d.Kind == kind);
}

/// <summary>A file of the library.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Path">Its path in the library, for messages.</param>
/// <param name="Open">Opens it for reading.</param>
internal sealed record LibraryFile(string Name, string Path, Func<Stream> Open);

/// <summary>A driver that was chosen.</summary>
internal sealed record DriverChoice
{
    /// <summary>What it drives.</summary>
    internal required DriverKind Kind { get; init; }

    /// <summary>The device by its short name: <c>virtio-blk</c>.</summary>
    internal required string Device { get; init; }

    /// <summary>What its INF file says.</summary>
    internal required DriverPackage Package { get; init; }

    /// <summary>The devices in it that the guest's Windows would find.</summary>
    internal required IReadOnlyList<DriverModel> Models { get; init; }

    /// <summary>The INF file.</summary>
    internal required LibraryFile Inf { get; init; }

    /// <summary>The catalog; null if the package is not signed.</summary>
    internal LibraryFile? Catalog { get; init; }

    /// <summary>
    /// All files of the package besides the INF file, by their path below its folder as <see cref="DriverFile.SourcePath"/> has it; the catalog
    /// is one of them.
    /// </summary>
    internal required IReadOnlyDictionary<string, LibraryFile> Files { get; init; }

    /// <summary>The Windows that the folder is for, or null if the library's folders do not say.</summary>
    internal WindowsFolder? Folder { get; init; }

    /// <summary>The driver of this or a later version that the guest has already, and that stays; else null.</summary>
    internal InstalledDriver? Kept { get; init; }
}
