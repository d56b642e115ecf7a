using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The content of <c>$STANDARD_INFORMATION</c>: 48 bytes, since NTFS 3.0 72.</summary>
internal readonly struct StandardInformation(byte[] stored)
{
    public const int OldSize = 48;
    public const int Size = 72;

    private const long UnixEpoch = 116444736000000000;

    /// <summary>Creation, modification, change of the record, access: FILETIMEs.</summary>
    public ReadOnlySpan<byte> Times => Raw.AsSpan(0, 32);

    public long Created
    {
        get => ReadInt64LittleEndian(Raw);
        set => WriteInt64LittleEndian(Raw, value);
    }

    public long Modified
    {
        get => ReadInt64LittleEndian(Raw.AsSpan(8));
        set => WriteInt64LittleEndian(Raw.AsSpan(8), value);
    }

    public long Changed
    {
        get => ReadInt64LittleEndian(Raw.AsSpan(16));
        set => WriteInt64LittleEndian(Raw.AsSpan(16), value);
    }

    public long Accessed
    {
        get => ReadInt64LittleEndian(Raw.AsSpan(24));
        set => WriteInt64LittleEndian(Raw.AsSpan(24), value);
    }

    public FileAttributes Attributes
    {
        get => (FileAttributes)ReadUInt32LittleEndian(Raw.AsSpan(32));
        set => WriteUInt32LittleEndian(Raw.AsSpan(32), (uint)value);
    }

    /// <summary>Which descriptor of <c>$Secure</c> protects the file; 0 if the file has its own.</summary>
    public uint SecurityId
    {
        get => Raw.Length >= Size ? ReadUInt32LittleEndian(Raw.AsSpan(52)) : 0;
        set => WriteUInt32LittleEndian(Raw.AsSpan(52), value);
    }

    public byte[] Raw { get; } = stored;

    /// <summary>The information of a file.</summary>
    public static StandardInformation Of(FileRecord file) => new(file.GetValue(AttributeType.StandardInformation, "", OldSize));

    /// <summary>100-nanosecond steps since 1601 as a time; out of range is clamped.</summary>
    public static DateTimeOffset ToTime(long fileTime) =>
        DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(fileTime, 0, DateTimeOffset.MaxValue.Ticks - DateTimeOffset.UnixEpoch.Ticks + UnixEpoch) - UnixEpoch);

    /// <summary>A time as 100-nanosecond steps since 1601.</summary>
    public static long FromTime(DateTimeOffset time) => Math.Max(0, time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks + UnixEpoch);
}
