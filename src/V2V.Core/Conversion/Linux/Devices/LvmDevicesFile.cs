using System.Text.RegularExpressions;
using V2V.Core.Inspection;

namespace V2V.Core.Conversion.Linux.Devices;

/// <summary>
/// LVM's list of devices (lvmdevices(8)), outside of which it sees none. Its entries go by the serial number or WWID that the old hypervisor gave; an
/// entry by name makes LVM look for the PVID on every device if the name does not fit, which is right on any bus.
/// </summary>
internal static partial class LvmDevicesFile
{
    /// <summary>Gives the text with an entry by name for each physical volume on the machine's own disks; entries of others stay.</summary>
    internal static string Edit(string text, IReadOnlyDictionary<string, (VolumeInfo Volume, string Name)> volumes) =>
        TextLines.Edit(text, line =>
        {
            // These say which machine the list is of, or that nobody changed it.
            if (line.StartsWith("HASH=", StringComparison.Ordinal) || line.StartsWith("PRODUCT_UUID=", StringComparison.Ordinal) || line.StartsWith("SYSTEMID=", StringComparison.Ordinal))
            {
                return null;
            }

            if (!line.StartsWith("IDTYPE=", StringComparison.Ordinal) || Pvid().Match(line) is not { Success: true } pvid || !volumes.TryGetValue(pvid.Groups[1].Value, out (VolumeInfo Volume, string Name) found))
            {
                return line;
            }

            string part = found.Volume.PartitionNumber > 0 ? FormattableString.Invariant($" PART={found.Volume.PartitionNumber}") : "";
            return $"IDTYPE=devname IDNAME={found.Name} DEVNAME={found.Name} PVID={pvid.Groups[1].Value}{part}";
        });

    /// <summary>A PV's UUID as this file has it.</summary>
    internal static string ToPvid(string uuid) => uuid.Replace("-", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\bPVID=([A-Za-z0-9]{32})\b", RegexOptions.CultureInvariant)]
    private static partial Regex Pvid();
}
