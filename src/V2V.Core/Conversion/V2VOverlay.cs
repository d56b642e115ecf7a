using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Conversion;

/// <summary>The result of a conversion: the untouched source, and overlays that hold every edit.</summary>
public sealed class V2VOverlay
{
    /// <summary>The machine as it was.</summary>
    public required V2VSource Source { get; init; }

    /// <summary>What was found inside.</summary>
    public required V2VInspection Inspection { get; init; }

    /// <summary>Name of the machine.</summary>
    public string Name => Source.Name;

    /// <summary>What the converted guest can drive.</summary>
    public required GuestCapabilities Capabilities { get; init; }

    /// <summary>Every change that was made (or, with -WhatIf, would be made), in order.</summary>
    public IReadOnlyList<GuestChange> Changes { get; init; } = [];

    /// <summary>What happens to each network card.</summary>
    public IReadOnlyList<NicReport> Nics { get; init; } = [];

    /// <summary>One overlay for each disk of the source, in the same order. Empty after -WhatIf.</summary>
    public IReadOnlyList<OverlayDisk> Disks { get; init; } = [];

    /// <summary>Directory that holds the overlays; removed with them. Empty after -WhatIf.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary>Index of the disk the guest boots from, or null if it cannot be told.</summary>
    public int? BootDiskIndex { get; init; }

    /// <summary>Bytes that trimming made zero.</summary>
    public long TrimmedBytes { get; init; }

    /// <summary>What a user should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A qcow2 overlay over a disk of the source.</summary>
/// <param name="Index">Index of the disk.</param>
/// <param name="Path">Absolute path of the qcow2 file.</param>
/// <param name="VirtualSize">Size that the guest sees, in bytes.</param>
public sealed record OverlayDisk(int Index, string Path, long VirtualSize)
{
    /// <inheritdoc/>
    public override string ToString() => Path;
}

/// <summary>One change made in a guest.</summary>
/// <param name="Step">Name of the conversion step that made it.</param>
/// <param name="Path">Path in the guest's tree.</param>
/// <param name="Kind">What was done.</param>
/// <param name="Reason">Why, in a sentence.</param>
/// <param name="Before">Text before the change, for small text files.</param>
/// <param name="After">Text after the change, for small text files.</param>
public sealed record GuestChange(string Step, string Path, GuestChangeKind Kind, string Reason, string? Before = null, string? After = null)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Kind} {Path}";
}

/// <summary>Kind of a change.</summary>
public enum GuestChangeKind
{
    /// <summary>A file was created.</summary>
    Create,

    /// <summary>The content of a file was changed.</summary>
    Edit,

    /// <summary>Bytes were appended to a file.</summary>
    Append,

    /// <summary>A file was deleted.</summary>
    Delete,

    /// <summary>A file was renamed.</summary>
    Rename,

    /// <summary>A symbolic link was created.</summary>
    Link,

    /// <summary>Mode or owner was changed.</summary>
    Metadata,
}

/// <summary>What becomes of a network card.</summary>
/// <param name="MacAddress">MAC, kept.</param>
/// <param name="InterfaceName">Name in the guest before and after.</param>
/// <param name="Binding">How the name is kept: <c>link-file</c>, <c>udev-rule</c>, <c>mactab</c>, <c>none</c>.</param>
/// <param name="Addresses">Addresses that are kept, or <c>dhcp</c>.</param>
/// <param name="Note">What a user should know.</param>
public sealed record NicReport(string? MacAddress, string InterfaceName, string Binding, IReadOnlyList<string> Addresses, string Note)
{
    /// <inheritdoc/>
    public override string ToString() => InterfaceName.Length > 0 ? InterfaceName : MacAddress ?? "";
}

/// <summary>Bus that the guest's fixed disks are put on.</summary>
public enum BlockBus
{
    /// <summary>virtio-blk.</summary>
    VirtioBlk,

    /// <summary>virtio-scsi.</summary>
    VirtioScsi,

    /// <summary>SATA on Q35.</summary>
    Sata,

    /// <summary>IDE on i440FX.</summary>
    Ide,
}

/// <summary>What the converted guest can drive; the export turns it into the target's metadata.</summary>
public sealed record GuestCapabilities
{
    /// <summary>Bus of the disks.</summary>
    public BlockBus BlockBus { get; init; } = BlockBus.VirtioBlk;

    /// <summary>True if the guest also boots from virtio-scsi.</summary>
    public bool SupportsVirtioScsi { get; init; }

    /// <summary>Network card: <c>virtio</c>, <c>e1000</c> or <c>rtl8139</c>.</summary>
    public string NetModel { get; init; } = "virtio";

    /// <summary>virtio-rng.</summary>
    public bool VirtioRng { get; init; }

    /// <summary>virtio-balloon.</summary>
    public bool VirtioBalloon { get; init; }

    /// <summary>pvpanic on the ISA bus.</summary>
    public bool PvPanic { get; init; }

    /// <summary>virtio-vsock.</summary>
    public bool VirtioVsock { get; init; }

    /// <summary>Machine type: <c>q35</c>, <c>pc</c> or <c>virt</c>.</summary>
    public string Machine { get; init; } = "q35";

    /// <summary>True if the guest's drivers know virtio 1.0; false asks for transitional devices.</summary>
    public bool Virtio10 { get; init; } = true;

    /// <summary>Architecture as libvirt names it.</summary>
    public string Architecture { get; init; } = "x86_64";

    /// <summary>True if the guest keeps its clock in UTC.</summary>
    public bool RtcUtc { get; init; } = true;

    /// <summary>Firmware that the target must offer.</summary>
    public FirmwareType Firmware { get; init; } = FirmwareType.Bios;

    /// <summary>True if secure boot can stay on.</summary>
    public bool SecureBoot { get; init; }

    /// <summary>True if the guest wants a TPM 2.0, because the source had one or its Windows asks for one.</summary>
    public bool Tpm { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Machine}, {BlockBus}, {NetModel}";
}
