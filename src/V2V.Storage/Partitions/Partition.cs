namespace V2V.Storage.Partitions;

/// <summary>A partition of a disk.</summary>
public sealed record Partition
{
    /// <summary>Linux' number: 1 to 4 for primary MBR partitions, from 5 for logical ones, the entry's index plus one in a GPT.</summary>
    public required int Number { get; init; }

    /// <summary>First byte on the disk.</summary>
    public required long Offset { get; init; }

    /// <summary>Length in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>Type as tools write it: <c>0x83</c> in an MBR, the type GUID in lower case in a GPT.</summary>
    public required string Type { get; init; }

    /// <summary>Type byte of an MBR partition, or null.</summary>
    public byte? MbrType { get; init; }

    /// <summary>Type GUID of a GPT partition, or null.</summary>
    public Guid? TypeGuid { get; init; }

    /// <summary>GUID of a GPT partition itself, or null.</summary>
    public Guid? PartitionGuid { get; init; }

    /// <summary>What Linux calls PARTUUID: the GUID in lower case, or the disk's signature and the number in hexadecimal (<c>1234abcd-01</c>).</summary>
    public required string PartUuid { get; init; }

    /// <summary>Name of a GPT partition; empty if it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary>The active flag of an MBR partition, or the legacy-boot attribute of a GPT one.</summary>
    public bool IsActive { get; init; }

    /// <summary>True for an extended MBR partition, which holds the logical ones and no file system.</summary>
    public bool IsExtended { get; init; }

    /// <summary>Attribute bits of a GPT partition.</summary>
    public ulong Attributes { get; init; }

    /// <summary>True for an EFI system partition.</summary>
    public bool IsEfiSystem => MbrType == 0xEF || TypeGuid == PartitionTypes.EfiSystem;

    /// <summary>The partition as a device. It does not own the disk.</summary>
    public BlockDevice Open(BlockDevice disk) => new SubDevice(disk, Offset, Length);
}

/// <summary>GPT type GUIDs that V2V asks for.</summary>
public static class PartitionTypes
{
    /// <summary>EFI system partition.</summary>
    public static readonly Guid EfiSystem = new("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");

    /// <summary>BIOS boot partition of GRUB.</summary>
    public static readonly Guid BiosBoot = new("21686148-6449-6e6f-744e-656564454649");

    /// <summary>Linux swap.</summary>
    public static readonly Guid LinuxSwap = new("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");

    /// <summary>Linux LVM.</summary>
    public static readonly Guid LinuxLvm = new("e6d6d379-f507-44c2-a23c-238f2a3df928");

    /// <summary>Windows basic data.</summary>
    public static readonly Guid BasicData = new("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");

    /// <summary>Microsoft reserved.</summary>
    public static readonly Guid MicrosoftReserved = new("e3c9e316-0b5c-4db8-817d-f92df00215ae");
}
