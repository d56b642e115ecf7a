namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>A device that an INF file can install, from the models section that a Windows would use.</summary>
/// <param name="Manufacturer">The manufacturer, as Device Manager shows it.</param>
/// <param name="Description">The device, as Device Manager shows it.</param>
/// <param name="InstallSection">The install section without ending.</param>
/// <param name="ModelsSection">The models section that the line stands in, with its ending.</param>
/// <param name="HardwareId">The first id of the line; empty if it has compatible ids only.</param>
/// <param name="CompatibleIds">The further ids of the line.</param>
internal sealed record DriverModel(
    string Manufacturer,
    string Description,
    string InstallSection,
    string ModelsSection,
    string HardwareId,
    IReadOnlyList<string> CompatibleIds)
{
    /// <summary>All ids, the most specific first.</summary>
    internal IEnumerable<string> Ids => HardwareId.Length == 0 ? CompatibleIds : [HardwareId, .. CompatibleIds];
}
