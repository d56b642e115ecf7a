using System.Buffers.Binary;
using System.Globalization;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows;

/// <summary>
/// The drive letters of SYSTEM\MountedDevices: twelve bytes are an MBR disk's signature and the partition's first byte, "DMIO:ID:" and a GUID
/// a GPT partition or a volume of dynamic disks.
/// </summary>
internal static class DriveLetters
{
    private const string Prefix = @"\DosDevices\";

    public static IReadOnlyList<DriveLetterInfo> Read(WindowsHives hives, IReadOnlyList<VolumeInfo> volumes)
    {
        IEnumerable<RegistryValue> values = hives.Read(() => hives.System?.Find("MountedDevices")?.Values.ToList()) ?? [];
        return
        [
            .. values.Where(v => v.Name.Length == Prefix.Length + 2 && v.Name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && char.IsAsciiLetter(v.Name[^2]) && v.Name[^1] == ':')
                .Select(v => (Letter: char.ToUpperInvariant(v.Name[^2]), Identity: PartitionUuid(v.Data, volumes), Dynamic: DynamicVolume(v.Data, volumes), IsDisk: IsDisk(v.Data)))
                .Where(v => v.IsDisk)
                .OrderBy(v => v.Letter)
                .Select(v => new DriveLetterInfo(v.Letter, v.Dynamic ?? Opened(volumes.FirstOrDefault(o => v.Identity is not null && o.PartitionUuid == v.Identity)?.Device, volumes))),
        ];
    }

    /// <summary>Windows lets a drive's letter point to what lies behind BitLocker.</summary>
    private static string? Opened(string? partition, IReadOnlyList<VolumeInfo> volumes) =>
        volumes.FirstOrDefault(v => v.Kind == "bitlocker" && partition is not null && v.Members.Contains(partition))?.Device ?? partition;

    /// <summary>CD-ROM and floppy drives have a device path instead.</summary>
    private static bool IsDisk(byte[] data) => data.Length == 12 || IsGpt(data);

    private static bool IsGpt(byte[] data) => data.Length >= 24 && data.AsSpan().StartsWith("DMIO:ID:"u8);

    /// <summary>The volume of dynamic disks with a GUID, the bytes of which stand in the order of the disks' database.</summary>
    private static string? DynamicVolume(byte[] data, IReadOnlyList<VolumeInfo> volumes) =>
        IsGpt(data) && new Guid(data.AsSpan(8, 16), bigEndian: true).ToString("D", CultureInfo.InvariantCulture) is var uuid
            ? volumes.FirstOrDefault(v => v.Kind == "ldm" && v.VolumeUuid == uuid)?.Device
            : null;

    /// <summary>The partition's identity as <see cref="VolumeInfo.PartitionUuid"/> has it.</summary>
    private static string? PartitionUuid(byte[] data, IReadOnlyList<VolumeInfo> volumes)
    {
        if (IsGpt(data))
        {
            return new Guid(data.AsSpan(8, 16)).ToString("D", CultureInfo.InvariantCulture);
        }

        if (data.Length != 12)
        {
            return null;
        }

        string signature = BinaryPrimitives.ReadUInt32LittleEndian(data).ToString("x8", CultureInfo.InvariantCulture);
        long offset = BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(4));
        return volumes.FirstOrDefault(v => v.Offset == offset && v.PartitionUuid?.StartsWith(signature + "-", StringComparison.Ordinal) == true)?.PartitionUuid;
    }
}
