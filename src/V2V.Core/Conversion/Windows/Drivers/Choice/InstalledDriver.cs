namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>A third-party driver package that a guest has.</summary>
/// <param name="Package">What its INF file says.</param>
/// <param name="Name">Name of the INF file in Windows\INF: <c>oem12.inf</c>.</param>
/// <param name="StoreFolder">Path of its folder in the driver store, in the guest's tree; null if there is none.</param>
/// <param name="Devices">The devices that it drives, as <see cref="DriverChoice.Device"/> has them.</param>
internal sealed record InstalledDriver(DriverPackage Package, string Name, string? StoreFolder, IReadOnlySet<string> Devices)
{
    /// <summary>True if it drives a device.</summary>
    internal bool IsFor(string device) => Devices.Contains(device);

    /// <summary>True if it is of the same or a later date and version than another package for the same device.</summary>
    internal bool IsAtLeast(DriverPackage other) => Package.DriverVer is { } own && (other.DriverVer is not { } offered || own.CompareTo(offered) >= 0);
}
