using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The content of a <c>$REPARSE_POINT</c> attribute ([MS-FSCC] 2.1.2): tag, length, and data whose form the tag gives.</summary>
internal readonly struct ReparsePoint(byte[] bytes)
{
    public const uint MountPoint = 0xA0000003;
    public const uint SymbolicLink = 0xA000000C;
    public const uint OverlayFilter = 0x80000017;
    public const uint Deduplicated = 0x80000013;
    public const uint LinuxSymbolicLink = 0xA000001D;

    private const int HeaderSize = 8;
    private const string NtPrefix = @"\??\";

    public byte[] Bytes { get; } = bytes;

    public uint Tag => ReadUInt32LittleEndian(Bytes);

    public ReadOnlySpan<byte> Data => Bytes.AsSpan(HeaderSize);

    /// <summary>True for what acts as a symbolic link: those of Windows and of its Linux subsystem, junctions and mount points.</summary>
    public static bool IsLink(uint tag) => tag is MountPoint or SymbolicLink or LinuxSymbolicLink;

    /// <summary>The reparse point of a file, or null.</summary>
    public static ReparsePoint? Read(NtfsVolume volume, FileRecord file)
    {
        if (file.Find(AttributeType.ReparsePoint) is not { } attribute)
        {
            return null;
        }

        byte[] bytes = volume.Content.ReadAll(attribute, 16 << 10);
        return bytes.Length >= HeaderSize ? new ReparsePoint(bytes) : throw NtfsErrors.Reparse("it is too short");
    }

    /// <summary>What a tag is called ([MS-FSCC] 2.1.2.1).</summary>
    public static string Name(uint tag) => tag switch
    {
        Deduplicated => "data deduplication",
        OverlayFilter => "WOF",
        MountPoint => "mount point",
        SymbolicLink or LinuxSymbolicLink => "symbolic link",
        0x80000008 => "WIM mount",
        0x8000000A => "distributed file system",
        0x80000012 => "DFS replication",
        0x80000016 => "single instance store",
        0x8000001B => "app execution alias",
        0x80000023 => "Unix socket",
        0x80000024 => "Linux FIFO",
        0x80000025 => "Linux character device",
        0x80000026 => "Linux block device",
        0xC0000004 => "hierarchical storage",
        _ when (tag & 0xFFFF0FFF) == 0x9000001A => "cloud file (OneDrive)",
        _ => FormattableString.Invariant($"0x{tag:X8}"),
    };

    /// <summary>
    /// Target of a link as a path with slashes. An absolute one loses its drive letter, for the letter is known to the registry only;
    /// one that names a volume by its GUID stays as it is.
    /// </summary>
    public string ReadTarget()
    {
        if (Tag == LinuxSymbolicLink)
        {
            return Data.Length > 4 ? GuestName.Decode(Data[4..]) : throw NtfsErrors.Reparse("a symbolic link has no target");
        }

        // Offsets count from the end of the fixed part, which for a symbolic link ends with flags.
        int fixedSize = Tag == SymbolicLink ? 12 : 8;
        if (Data.Length < fixedSize)
        {
            throw NtfsErrors.Reparse("a link has no target");
        }

        int offset = fixedSize + ReadUInt16LittleEndian(Data);
        int length = ReadUInt16LittleEndian(Data[2..]) / 2 * 2;
        if (offset + length > Data.Length)
        {
            throw NtfsErrors.Reparse("the target of a link reaches past its end");
        }

        string target = RecordParser.DecodeName(Data.Slice(offset, length));
        if (target.StartsWith(NtPrefix, StringComparison.Ordinal) && target.Length > 5 && target[5] == ':')
        {
            target = target.Length > 6 ? target[6..] : @"\";
        }

        return target.Replace('\\', '/');
    }

    /// <summary>A symbolic link of Windows to a path with slashes or backslashes.</summary>
    public static ReparsePoint MakeLink(string target)
    {
        string printed = target.Replace('/', '\\');
        bool relative = printed.Length < 2 || (printed[0] == '\\' && printed[1] != '\\') || (printed[0] != '\\' && printed[1] != ':');
        string substitute = relative || printed.StartsWith(NtPrefix, StringComparison.Ordinal) ? printed : NtPrefix + printed;
        byte[] first = Encoding.Unicode.GetBytes(substitute);
        byte[] second = Encoding.Unicode.GetBytes(printed);
        var bytes = new byte[HeaderSize + 12 + first.Length + second.Length];
        WriteUInt32LittleEndian(bytes, SymbolicLink);
        WriteUInt16LittleEndian(bytes.AsSpan(4), (ushort)(bytes.Length - HeaderSize));
        WriteUInt16LittleEndian(bytes.AsSpan(10), (ushort)first.Length);
        WriteUInt16LittleEndian(bytes.AsSpan(12), (ushort)first.Length);
        WriteUInt16LittleEndian(bytes.AsSpan(14), (ushort)second.Length);
        WriteUInt32LittleEndian(bytes.AsSpan(16), relative ? 1u : 0u);
        first.CopyTo(bytes, 20);
        second.CopyTo(bytes, 20 + first.Length);
        return new ReparsePoint(bytes);
    }
}
