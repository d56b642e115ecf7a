using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion;

/// <summary>Finds the disk that holds the boot loader (inspection.md 3.11).</summary>
internal static class BootDisk
{
    private const string EspType = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

    /// <summary>The disk of the ESP, the first disk whose boot sector is GRUB's, or the disk of /boot; null if none can be told.</summary>
    internal static int? Find(V2VInspection inspection, IReadOnlyList<BlockDevice> disks)
    {
        if (inspection.Firmware == Sources.FirmwareType.Uefi
            && inspection.Volumes.FirstOrDefault(v => string.Equals(v.PartitionType, EspType, StringComparison.OrdinalIgnoreCase)) is { } esp)
        {
            return esp.DiskIndex;
        }

        Span<byte> sector = stackalloc byte[512];
        for (int i = 0; i < disks.Count; i++)
        {
            if (disks[i].Length >= sector.Length)
            {
                disks[i].Read(0, sector);
                if (sector.IndexOf("GRUB"u8) >= 0)
                {
                    return i;
                }
            }
        }

        string? device = inspection.Mounts.FirstOrDefault(m => m.MountPoint == "/boot")?.Device ?? inspection.RootDevice;
        return inspection.Volumes.FirstOrDefault(v => v.Device == device)?.DiskIndex;
    }
}
