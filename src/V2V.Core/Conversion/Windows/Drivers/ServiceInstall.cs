namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>A service that a driver installs ("INF AddService Directive").</summary>
internal sealed record ServiceInstall
{
    private const uint AssociatedService = 0x2;

    /// <summary>Name of its key; empty if the device is to have no service.</summary>
    internal required string Name { get; init; }

    /// <summary>SPSVCINST_* bits.</summary>
    internal required uint Flags { get; init; }

    /// <summary>Name that is shown; empty if none is given.</summary>
    internal string DisplayName { get; init; } = "";

    /// <summary>Description; empty if none is given.</summary>
    internal string Description { get; init; } = "";

    /// <summary>SERVICE_* type: 1 is a kernel driver, 0x10 a program of its own.</summary>
    internal required uint ServiceType { get; init; }

    /// <summary>When it starts: 0 by the boot loader, 1 system, 2 automatically, 3 on demand, 4 never.</summary>
    internal required uint StartType { get; init; }

    /// <summary>What a failure means: 0 nothing to 3 no boot.</summary>
    internal required uint ErrorControl { get; init; }

    /// <summary>The program, with the numbers of directories: <c>%12%\viostor.sys</c>.</summary>
    internal required string ServiceBinary { get; init; }

    /// <summary>Account that it runs as; empty for the default.</summary>
    internal string StartName { get; init; } = "";

    /// <summary>Group of its load order; empty if it is in none.</summary>
    internal string LoadOrderGroup { get; init; } = "";

    /// <summary>Services, and groups with a leading plus sign, that it needs.</summary>
    internal IReadOnlyList<string> Dependencies { get; init; } = [];

    /// <summary>Security descriptor of the service as SDDL; empty for the default.</summary>
    internal string Security { get; init; } = "";

    /// <summary>CM_SERVICE_* bits that say of which boot devices the driver is part; 0 if not given.</summary>
    internal uint BootFlags { get; init; }

    /// <summary>SERVICE_SID_TYPE_*; null if not given.</summary>
    internal uint? ServiceSidType { get; init; }

    /// <summary>True if an automatic start is to wait.</summary>
    internal bool DelayedAutoStart { get; init; }

    /// <summary>Privileges that a program is limited to.</summary>
    internal IReadOnlyList<string> RequiredPrivileges { get; init; } = [];

    /// <summary>Values below the service's key (HKR).</summary>
    internal IReadOnlyList<RegistryEdit> AddReg { get; init; } = [];

    /// <summary>What is deleted below the service's key.</summary>
    internal IReadOnlyList<RegistryDeletion> DelReg { get; init; } = [];

    /// <summary>Log that the service writes to: System if not given otherwise. Null if the line has no section for it.</summary>
    internal string? EventLog { get; init; }

    /// <summary>Name of the source in that log.</summary>
    internal string EventSource { get; init; } = "";

    /// <summary>Values below the source's key.</summary>
    internal IReadOnlyList<RegistryEdit> EventLogAddReg { get; init; } = [];

    /// <summary>True if it is the device's own service (SPSVCINST_ASSOCSERVICE).</summary>
    internal bool IsDeviceService => (Flags & AssociatedService) != 0;
}
