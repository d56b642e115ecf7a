using V2V.Core.Guest;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Inspection.Boot;

/// <summary>The loader whose code lies in a disk's first sector.</summary>
internal enum BootCode
{
    /// <summary>No code.</summary>
    None,

    /// <summary>Code of an unknown loader, or of a generic master boot record.</summary>
    Other,

    /// <summary>GRUB of any version.</summary>
    Grub,

    /// <summary>LILO.</summary>
    Lilo,

    /// <summary>SYSLINUX or EXTLINUX.</summary>
    Syslinux,
}

/// <summary>Tells the firmware that a guest's disks boot with.</summary>
internal static class FirmwareDetector
{
    /// <summary>GPT type of the EFI system partition.</summary>
    internal const string EspType = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

    private const string BiosBootType = "21686148-6449-6e6f-744e-656564454649";
    private const string MbrEspType = "ef";
    private const int BootCodeLength = 440;

    /// <summary>True for an EFI system partition, on a GPT or an MBR disk.</summary>
    internal static bool IsEsp(VolumeInfo volume) =>
        volume.PartitionType is { } type && (type.Equals(EspType, StringComparison.OrdinalIgnoreCase) || type.Equals(MbrEspType, StringComparison.OrdinalIgnoreCase));

    /// <summary>Index of the disk that a BIOS starts, and whose code it holds: the first with GRUB's code, else the first with any.</summary>
    internal static (int? Disk, BootCode Code) FindBootDisk(IReadOnlyList<BlockDevice> disks)
    {
        (int? Disk, BootCode Code) found = (null, BootCode.None);
        Span<byte> sector = stackalloc byte[512];
        for (int i = 0; i < disks.Count; i++)
        {
            if (disks[i].Length < sector.Length)
            {
                continue;
            }

            disks[i].Read(0, sector);
            BootCode code = Identify(sector);
            if (code == BootCode.Grub)
            {
                return (i, code);
            }

            found = found.Disk is null && code != BootCode.None ? (i, code) : found;
        }

        return found;
    }

    /// <summary>The loader in a first sector.</summary>
    internal static BootCode Identify(ReadOnlySpan<byte> sector)
    {
        ReadOnlySpan<byte> code = sector[..BootCodeLength];
        if (sector[510] != 0x55 || sector[511] != 0xAA || !code.ContainsAnyExcept((byte)0))
        {
            return BootCode.None;
        }

        return code.IndexOf("GRUB"u8) >= 0 ? BootCode.Grub
            : code.IndexOf("LILO"u8) >= 0 ? BootCode.Lilo
            : code.IndexOf("LINUX"u8) >= 0 ? BootCode.Syslinux
            : BootCode.Other;
    }

    /// <summary>Decides the firmware; the source's word wins over what the disks look like.</summary>
    /// <param name="declared">What the source says.</param>
    /// <param name="volumes">All volumes.</param>
    /// <param name="hasEfiLoaders">True if an ESP holds a loader; null if none could be opened.</param>
    /// <param name="bootCode">Code in the first sector of the disk that a BIOS starts.</param>
    /// <param name="warn">Called with a warning where the source contradicts the disks.</param>
    internal static FirmwareType Decide(
        FirmwareType declared, IReadOnlyList<VolumeInfo> volumes, bool? hasEfiLoaders, BootCode bootCode, Action<string> warn)
    {
        bool hasEsp = volumes.Any(IsEsp) && hasEfiLoaders != false;
        bool hasBiosBoot = volumes.Any(v => BiosBootType.Equals(v.PartitionType, StringComparison.OrdinalIgnoreCase));
        bool canBios = hasBiosBoot || bootCode is BootCode.Grub or BootCode.Lilo or BootCode.Syslinux || (bootCode == BootCode.Other && !hasEsp);
        switch (declared)
        {
            case FirmwareType.Uefi when !hasEsp && canBios:
                warn("The source says UEFI, but no disk has an EFI system partition with a loader; UEFI is kept.");
                return FirmwareType.Uefi;
            case FirmwareType.Bios when hasEsp && !canBios:
                warn("The source says BIOS, but its disks look as if they boot with UEFI only; BIOS is kept.");
                return FirmwareType.Bios;
            case FirmwareType.Unknown:
                return hasEsp && !canBios ? FirmwareType.Uefi : FirmwareType.Bios;
            default:
                return declared;
        }
    }
}
