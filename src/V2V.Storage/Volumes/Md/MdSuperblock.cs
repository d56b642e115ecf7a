using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace V2V.Storage.Volumes.Md;

/// <summary>What a member's superblock says of the member's part in the array.</summary>
internal enum MdRole
{
    /// <summary>A member with a slot in the array.</summary>
    Active,

    /// <summary>In reserve.</summary>
    Spare,

    /// <summary>Failed.</summary>
    Faulty,

    /// <summary>The journal of RAID 4, 5 or 6.</summary>
    Journal,
}

/// <summary>
/// The superblock of a member of an md array: format 1.0 near the end of the device, 1.1 at its start, 1.2 at 4 KiB (Linux' md_p.h), or 0.90 in the last
/// whole 64 KiB but one. <see cref="TryRead"/> finds it as mdadm does.
/// </summary>
internal sealed record MdSuperblock
{
    private const uint Magic = 0xA92B4EFC;
    private const int MaxDevices = 1920;

    /// <summary>Format: <c>0.90</c>, <c>1.0</c>, <c>1.1</c>, <c>1.2</c>.</summary>
    internal required string Format { get; init; }

    /// <summary>UUID of the array, as mdadm prints it.</summary>
    internal required string ArrayUuid { get; init; }

    /// <summary>Name of the array without that of its host; a number for format 0.90.</summary>
    internal required string Name { get; init; }

    /// <summary>The name with that of the host, as it stands in the superblock.</summary>
    internal required string FullName { get; init; }

    /// <summary>-1 for linear, 0, 1, 4, 5, 6 or 10.</summary>
    internal required int Level { get; init; }

    /// <summary>Arrangement within the level.</summary>
    internal required int Layout { get; init; }

    /// <summary>False for a RAID 0 made before its layout was recorded.</summary>
    internal required bool HasLayout { get; init; }

    /// <summary>Chunk size in bytes; 0 where there are none.</summary>
    internal required long Chunk { get; init; }

    /// <summary>Number of slots.</summary>
    internal required int Slots { get; init; }

    /// <summary>Bytes of each member that the array uses; 0 where each has its own.</summary>
    internal required long MemberLength { get; init; }

    /// <summary>First byte of data on this member.</summary>
    internal required long DataOffset { get; init; }

    /// <summary>Bytes of data on this member.</summary>
    internal required long DataLength { get; init; }

    /// <summary>Grows with each change of the array's state.</summary>
    internal required ulong Events { get; init; }

    /// <summary>False if the array was running when the machine went down.</summary>
    internal required bool IsClean { get; init; }

    /// <summary>True while the array changes its shape.</summary>
    internal bool IsReshaping { get; init; }

    /// <summary>True if writes go through a journal first.</summary>
    internal bool HasJournal { get; init; }

    /// <summary>Features that are not known.</summary>
    internal uint UnknownFeatures { get; init; }

    /// <summary>This member's number among all devices that ever belonged to the array.</summary>
    internal required int DeviceNumber { get; init; }

    /// <summary>The part of each device by its number: slot and role.</summary>
    internal required IReadOnlyList<(MdRole Role, int Slot)> Roles { get; init; }

    /// <summary>True while the member is being rebuilt, or stands in for another.</summary>
    internal bool IsIncomplete { get; init; }

    /// <summary>True if sectors of the member are known to be unreadable.</summary>
    internal bool HasBadBlocks { get; init; }

    /// <summary>This member's own part.</summary>
    internal (MdRole Role, int Slot) Own => DeviceNumber < Roles.Count ? Roles[DeviceNumber] : (MdRole.Spare, -1);

    /// <summary>Finds the superblock of a member; null if the device is none.</summary>
    internal static MdSuperblock? TryRead(BlockDevice device)
    {
        long sectors = device.Length >> 9;
        if (sectors < 24)
        {
            return null;
        }

        return TryVersion1(device, (sectors - 16) & ~7L, "1.0")
            ?? TryVersion1(device, 0, "1.1")
            ?? TryVersion1(device, 8, "1.2")
            ?? (device.Length >= 128 << 10 ? TryVersion090(device) : null);
    }

    private static MdSuperblock? TryVersion1(BlockDevice device, long sector, string format)
    {
        var super = new byte[256 + (MaxDevices * 2)];
        long available = Math.Min(super.Length, device.Length - (sector * 512));
        if (available < 512)
        {
            return null;
        }

        device.Read(sector * 512, super.AsSpan(0, 256));
        uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(offset));
        ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(super.AsSpan(offset));
        int count = (int)Math.Min(U32(220), MaxDevices + 1U);
        if (U32(0) != Magic || U32(4) != 1 || U64(144) != (ulong)sector || count > MaxDevices || 256 + (count * 2) > available)
        {
            return null;
        }

        device.Read(sector * 512, super.AsSpan(0, 256 + (count * 2)));
        if (Checksum1(super.AsSpan(0, 256 + (count * 2))) != U32(216) || U64(80) > long.MaxValue / 1024 || U64(128) > long.MaxValue / 1024 || U64(136) > long.MaxValue / 1024)
        {
            return null;
        }

        uint features = U32(8);
        string name = Encoding.UTF8.GetString(super.AsSpan(32, 32)).TrimEnd('\0');
        int level = (int)U32(72);
        return new MdSuperblock
        {
            Format = format,
            ArrayUuid = FormatUuid(super.AsSpan(16, 16)),
            FullName = name,
            Name = name[(name.IndexOf(':', StringComparison.Ordinal) + 1)..],
            Level = level,
            Layout = (int)U32(76),
            HasLayout = level != 0 || (features & 0x1000) != 0,
            Chunk = U32(88) * 512L,
            Slots = (int)Math.Min(U32(92), int.MaxValue),
            MemberLength = (long)U64(80) * 512,
            DataOffset = (long)U64(128) * 512,
            DataLength = (long)U64(136) * 512,
            Events = U64(200),
            IsClean = U64(208) == ulong.MaxValue,
            IsReshaping = (features & 0x4) != 0,
            HasJournal = (features & 0x200) != 0,
            UnknownFeatures = features & ~0x1FFFU,
            DeviceNumber = (int)Math.Min(U32(160), int.MaxValue),
            Roles = [.. Enumerable.Range(0, count).Select(i => ToRole(BinaryPrimitives.ReadUInt16LittleEndian(super.AsSpan(256 + (i * 2)))))],
            IsIncomplete = ((features & 0x2) != 0 && U64(152) < U64(80)) || (features & 0x10) != 0,
            HasBadBlocks = (features & 0x8) != 0 && ReadBadBlocks(device, sector, (int)U32(188), BinaryPrimitives.ReadUInt16LittleEndian(super.AsSpan(186))),
        };
    }

    private static bool ReadBadBlocks(BlockDevice device, long super, int offset, int sectors)
    {
        long start = (super + offset) * 512;
        Span<byte> entry = stackalloc byte[8];
        if (sectors == 0 || start < 0 || start > device.Length - entry.Length)
        {
            return false;
        }

        device.Read(start, entry);
        return entry.ContainsAnyExcept((byte)0xFF);
    }

    private static (MdRole Role, int Slot) ToRole(ushort role) => role switch
    {
        0xFFFF => (MdRole.Spare, -1),
        0xFFFE => (MdRole.Faulty, -1),
        0xFFFD => (MdRole.Journal, -1),
        _ => (MdRole.Active, role),
    };

    private static uint Checksum1(ReadOnlySpan<byte> super)
    {
        ulong sum = 0;
        int i = 0;
        for (; i + 4 <= super.Length; i += 4)
        {
            sum += i == 216 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(super[i..]);
        }

        sum += i + 2 <= super.Length ? BinaryPrimitives.ReadUInt16LittleEndian(super[i..]) : 0U;
        return (uint)(sum & uint.MaxValue) + (uint)(sum >> 32);
    }

    private static MdSuperblock? TryVersion090(BlockDevice device)
    {
        long at = (device.Length & ~0xFFFFL) - 0x10000;
        var super = new byte[4096];
        device.Read(at, super);
        uint Word(int index) => BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(index * 4));
        if (Word(0) != Magic || Word(1) != 0 || Word(2) is not (90 or 91) || Word(10) is 0 or > 27)
        {
            return null;
        }

        ulong sum = 0;
        for (int i = 0; i < 1024; i++)
        {
            sum += i == 38 ? 0 : Word(i);
        }

        if ((uint)(sum & uint.MaxValue) + (uint)(sum >> 32) != Word(38))
        {
            return null;
        }

        int level = (int)Word(7);
        bool isOfOneSize = level is 1 or 4 or 5 or 6 or 10;
        long length = isOfOneSize ? Word(8) * 1024L : at;
        var roles = new (MdRole, int)[27];
        for (int i = 0; i < roles.Length; i++)
        {
            uint slot = Word(128 + (i * 32) + 3), state = Word(128 + (i * 32) + 4);
            roles[i] = (state & 1) != 0 ? (MdRole.Faulty, -1) : (state & 4) != 0 && slot < Word(10) ? (MdRole.Active, (int)slot) : (MdRole.Spare, -1);
        }

        string number = Word(11).ToString(CultureInfo.InvariantCulture);
        return new MdSuperblock
        {
            Format = "0.90",
            ArrayUuid = string.Create(CultureInfo.InvariantCulture, $"{Word(5):x8}:{Word(13):x8}:{Word(14):x8}:{Word(15):x8}"),
            Name = number,
            FullName = number,
            Level = level,
            Layout = (int)Word(64),
            HasLayout = level != 0,
            Chunk = Word(65),
            Slots = (int)Word(10),
            MemberLength = isOfOneSize ? length : 0,
            DataOffset = 0,
            DataLength = length,
            Events = Word(39) | ((ulong)Word(40) << 32),
            IsClean = (Word(33) & 1) != 0,
            IsReshaping = Word(2) == 91,
            DeviceNumber = (int)Math.Min(Word(992), 27U),
            Roles = roles,
        };
    }

    private static string FormatUuid(ReadOnlySpan<byte> uuid)
    {
        string hex = Convert.ToHexStringLower(uuid);
        return $"{hex[..8]}:{hex[8..16]}:{hex[16..24]}:{hex[24..]}";
    }
}
