using V2V.Storage;

namespace V2V.FileSystems.Udf;

/// <summary>A file by its file entry or extended file entry (ECMA-167 4/14.9, 4/14.17).</summary>
internal sealed class UdfFile
{
    public const byte DirectoryType = 4;
    public const byte SymbolicLinkType = 12;

    private const int DirectStrategy = 4;
    private const int LinkedStrategy = 4096;
    private const int MaxLinks = 1024;
    private const int InlineForm = 3;
    private const uint NoOwner = uint.MaxValue;
    private const int DeviceAttribute = 12;

    private UdfFile(UdfVolume volume, byte[] raw, int partition, bool isExtended)
    {
        int flags = Le.U16(raw, 34);
        FileType = raw[27];
        Uid = Le.U32(raw, 36) is var uid and not NoOwner ? uid : 0;
        Gid = Le.U32(raw, 40) is var gid and not NoOwner ? gid : 0;
        Mode = ModeOf(Le.U32(raw, 44), flags);
        Links = Le.U16(raw, 48);
        Length = (long)Math.Min(Le.U64(raw, 56), long.MaxValue);
        AllocatedBytes = (long)(Math.Min(Le.U64(raw, isExtended ? 72 : 64), int.MaxValue) * (ulong)volume.BlockSize);
        Accessed = UdfTime.Decode(raw.AsSpan(isExtended ? 80 : 72, 12));
        Modified = UdfTime.Decode(raw.AsSpan(isExtended ? 92 : 84, 12));
        Changed = UdfTime.Decode(raw.AsSpan(isExtended ? 116 : 96, 12));
        UniqueId = Le.U64(raw, isExtended ? 200 : 160);
        int head = isExtended ? 216 : 176;
        uint attributes = Le.U32(raw, head - 8), descriptors = Le.U32(raw, head - 4);
        if (attributes > raw.Length - head || descriptors > raw.Length - head - attributes)
        {
            throw UdfErrors.File("", "its entry is longer than a block");
        }

        (DeviceMajor, DeviceMinor) = FindDevice(raw.AsSpan(head, (int)attributes));
        ReadOnlyMemory<byte> tail = raw.AsMemory(head + (int)attributes, (int)descriptors);
        if ((flags & 7) == InlineForm)
        {
            Inline = tail[..(int)Math.Min(tail.Length, Length)];
            Length = Inline.Value.Length;
        }
        else
        {
            Extents = AllocationDescriptors.Read(volume, tail, flags & 7, partition, Length);
        }
    }

    public byte FileType { get; }

    public long Length { get; }

    public long AllocatedBytes { get; }

    public int Mode { get; }

    public uint Uid { get; }

    public uint Gid { get; }

    public int Links { get; }

    public ulong UniqueId { get; }

    public DateTimeOffset Accessed { get; }

    public DateTimeOffset Modified { get; }

    public DateTimeOffset Changed { get; }

    public uint DeviceMajor { get; }

    public uint DeviceMinor { get; }

    /// <summary>The content where it is in the entry itself; else null.</summary>
    public ReadOnlyMemory<byte>? Inline { get; }

    public IReadOnlyList<UdfExtent> Extents { get; } = [];

    public GuestFileType Type => FileType switch
    {
        DirectoryType => GuestFileType.Directory,
        6 => GuestFileType.BlockDevice,
        7 => GuestFileType.CharacterDevice,
        9 => GuestFileType.Fifo,
        10 => GuestFileType.Socket,
        SymbolicLinkType => GuestFileType.SymbolicLink,
        _ => GuestFileType.File,
    };

    /// <summary>Reads the file whose entry, or first of several, is at an address.</summary>
    /// <exception cref="V2VException"><c>UdfDescriptorCorrupt</c>, <c>UdfFileCorrupt</c>, <c>UdfStrategyUnsupported</c>.</exception>
    public static UdfFile Read(UdfVolume volume, UdfAddress address)
    {
        byte[] raw = new byte[volume.BlockSize];
        UdfFile? found = null;
        for (int i = 0; i < MaxLinks; i++)
        {
            volume.Read(address, raw);
            if (Parse(volume, raw, address.Block, address.Partition) is not { } file)
            {
                break;
            }

            found = file;
            int strategy = Le.U16(raw, 20);
            if (strategy == DirectStrategy)
            {
                return file;
            }

            // Discs that are written once keep older entries; behind each may stand the place of the next (4/14.7, strategy 4096).
            UdfAddress next = address with { Block = address.Block + 1 };
            volume.Read(next, raw);
            if (strategy != LinkedStrategy || UdfTag.Identify(raw, next.Block) != UdfTag.IndirectEntry || UdfExtent.Long(raw.AsSpan(36, 16)) is not { Length: > 0 } link)
            {
                return strategy == LinkedStrategy ? file : throw UdfErrors.Strategy(strategy);
            }

            address = link.Address;
        }

        return found ?? throw UdfErrors.Descriptor("The file entry", address.Block);
    }

    /// <summary>Reads the file of an entry in a partition that is not among the volume's maps yet.</summary>
    public static UdfFile Read(UdfVolume volume, PlainPartition partition, uint block) => TryRead(volume, partition, block) ?? throw UdfErrors.Descriptor("The file entry", block);

    /// <summary>The same; null if there is no entry.</summary>
    public static UdfFile? TryRead(UdfVolume volume, PlainPartition partition, uint block)
    {
        byte[] raw = new byte[volume.BlockSize];
        return volume.TryReadSector(partition.Find(block).Sector, raw) ? Parse(volume, raw, block, 0) : null;
    }

    private static UdfFile? Parse(UdfVolume volume, byte[] raw, uint block, int partition) => UdfTag.Identify(raw, block) switch
    {
        UdfTag.FileEntry => new UdfFile(volume, [.. raw], partition, isExtended: false),
        UdfTag.ExtendedFileEntry => new UdfFile(volume, [.. raw], partition, isExtended: true),
        _ => null,
    };

    /// <summary>Five bits each for others, group and owner (4/14.9.5); set-uid, set-gid and sticky are flags of the ICB (4/14.6.8).</summary>
    private static int ModeOf(uint permissions, int flags) =>
        (int)((permissions & 7) | ((permissions >> 2) & 0x38) | ((permissions >> 4) & 0x1C0)) | ((flags & 0x40) << 5) | ((flags & 0x80) << 3) | ((flags & 0x100) << 1);

    /// <summary>The device specification among the extended attributes (4/14.10.7).</summary>
    private static (uint Major, uint Minor) FindDevice(ReadOnlySpan<byte> attributes)
    {
        const int HeaderLength = 24;
        for (attributes = attributes.Length > HeaderLength ? attributes[HeaderLength..] : []; attributes.Length >= 24;)
        {
            uint length = Le.U32(attributes, 8);
            if (Le.U32(attributes, 0) == DeviceAttribute)
            {
                return (Le.U32(attributes, 16), Le.U32(attributes, 20));
            }

            if (length < 12 || length > attributes.Length)
            {
                break;
            }

            attributes = attributes[(int)length..];
        }

        return (0, 0);
    }
}
