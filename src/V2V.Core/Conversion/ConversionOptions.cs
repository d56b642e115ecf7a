namespace V2V.Core.Conversion;

/// <summary>What a user can choose about a conversion. The defaults convert any supported guest.</summary>
public sealed record ConversionOptions
{
    /// <summary>Folder for the overlays; null is the host's temporary folder.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>True to do everything in memory and leave nothing: the same list of changes comes out.</summary>
    public bool WhatIf { get; init; }

    /// <summary>A package of qemu-guest-agent on the host, of the guest's kind, that is put into the guest and installed at its first boot; null takes it from the guest's repository.</summary>
    public string? GuestAgentPackage { get; init; }

    /// <summary>The virtio drivers for a Windows guest: virtio-win's ISO file, or the folder that its files are in. Without them its disks and cards are emulated ones.</summary>
    public string? VirtioWin { get; init; }

    /// <summary>Scripts of the user's (.cmd, .bat, .ps1) that a Windows guest runs at its first boot, in this order.</summary>
    public IReadOnlyList<string> FirstBootScripts { get; init; } = [];

    /// <summary>A folder with programs for the first boot of a Windows guest: rhsrvany.exe or pvvxsvc.exe, pnp_wait.exe. Null takes Windows' own means only.</summary>
    public string? ToolsPath { get; init; }

    /// <summary>False leaves the guest without qemu-guest-agent, unless it has it already.</summary>
    public bool InstallGuestAgent { get; init; } = true;

    /// <summary>True keeps the tools of the old hypervisor as they are.</summary>
    public bool KeepGuestTools { get; init; }

    /// <summary>Names of interfaces by MAC that come before what the inspection found.</summary>
    public IReadOnlyList<NicBinding> NicBindings { get; init; } = [];

    /// <summary>Addresses that cards get instead of those that the guest gives them.</summary>
    public IReadOnlyList<StaticAddress> StaticAddresses { get; init; } = [];

    /// <summary>False leaves free blocks and swap contents in the overlay as they are.</summary>
    public bool Trim { get; init; } = true;

    /// <summary>Bus that the disks are put on where the guest has a driver for it: <see cref="BlockBus.VirtioBlk"/> or <see cref="BlockBus.VirtioScsi"/>.</summary>
    public BlockBus PreferredBus { get; init; } = BlockBus.VirtioBlk;

    /// <summary>Which root file system to convert where there are several; as <see cref="Inspection.InspectionOptions.Root"/>. Null takes that of the inspection.</summary>
    public string? Root { get; init; }
}

/// <summary>The name that an interface must have.</summary>
/// <param name="MacAddress">MAC of the source's card, with colons or dashes.</param>
/// <param name="InterfaceName">Name in the guest, at most 15 characters.</param>
public sealed record NicBinding(string MacAddress, string InterfaceName);
