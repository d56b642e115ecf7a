namespace V2V.Core.Inspection;

/// <summary>What only a Windows guest has.</summary>
public sealed record WindowsInfo
{
    /// <summary>The system's folder in the guest's tree: <c>/Windows</c>.</summary>
    public required string SystemRoot { get; init; }

    /// <summary>The control set that the guest boots with: <c>ControlSet001</c>.</summary>
    public string ControlSet { get; init; } = "";

    /// <summary>EditionID: <c>Professional</c>, <c>ServerStandard</c>; empty before Windows Vista.</summary>
    public string Edition { get; init; } = "";

    /// <summary><c>Client</c>, <c>Server</c> or <c>Server Core</c>.</summary>
    public string InstallationType { get; init; } = "";

    /// <summary>Revision of the build (UBR), that is, its last cumulative update; null before Windows 10.</summary>
    public int? Revision { get; init; }

    /// <summary>DNS domain of the machine, or empty.</summary>
    public string Domain { get; init; } = "";

    /// <summary>True if group policies of a domain have been applied, which may forbid drivers or scripts.</summary>
    public bool HasGroupPolicy { get; init; }

    /// <summary>True if Windows wants to restart to finish what it installed.</summary>
    public bool IsRebootPending { get; init; }

    /// <summary>True if Windows is hibernated, or was shut down by Fast Startup: the volume must not be written.</summary>
    public bool IsHibernated { get; init; }

    /// <summary>True if a hive was left in the middle of a write and its logs do not mend it.</summary>
    public bool IsRegistryDirty { get; init; }

    /// <summary>Antivirus programs other than Microsoft Defender.</summary>
    public IReadOnlyList<string> Antivirus { get; init; } = [];

    /// <summary>True if Microsoft Defender is installed.</summary>
    public bool HasDefender { get; init; }

    /// <summary>Drive letters and the volumes they belong to.</summary>
    public IReadOnlyList<DriveLetterInfo> DriveLetters { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => SystemRoot;
}

/// <summary>A drive letter of the guest.</summary>
/// <param name="Letter">One capital letter.</param>
/// <param name="Device">The volume (<c>sda2</c>), or null if it is on none of the machine's disks.</param>
public sealed record DriveLetterInfo(char Letter, string? Device)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Letter}: {Device ?? "(not found)"}";
}
