namespace V2V.Core.Inspection.Windows;

/// <summary>A drive letter of a Windows guest and what lies behind it, before and after a conversion: letters hang on what a conversion leaves alone.</summary>
/// <param name="Name">Name of the machine.</param>
/// <param name="Letter">The letter with its colon.</param>
/// <param name="Device">The volume (<c>sda2</c>), or null if it is on none of the machine's disks: a disk that was taken away, or is missing here.</param>
/// <param name="FileSystem">Its file system, or null.</param>
/// <param name="Label">Its label, or null.</param>
/// <param name="Length">Its length in bytes; null without a volume.</param>
/// <param name="FreeBytes">Its free space, if its file system was opened.</param>
/// <param name="IsSystem">True for the volume of Windows.</param>
public sealed record DriveLetterReport(string Name, string Letter, string? Device, string? FileSystem, string? Label, long? Length, long? FreeBytes, bool IsSystem)
{
    /// <summary>The letters of a guest; none for another system than Windows.</summary>
    public static IEnumerable<DriveLetterReport> Of(V2VInspection inspection)
    {
        ArgumentNullException.ThrowIfNull(inspection);
        foreach (DriveLetterInfo letter in inspection.Windows?.DriveLetters ?? [])
        {
            VolumeInfo? volume = inspection.Volumes.FirstOrDefault(v => v.Device == letter.Device);
            yield return new DriveLetterReport(
                inspection.Source.Name, letter.Letter + ":", letter.Device, volume?.FileSystem, volume?.Label, volume?.Length, volume?.FreeBytes,
                letter.Device is not null && letter.Device == inspection.RootDevice);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Letter} {Device ?? "(not found)"}";
}
