namespace V2V.FileSystems.Btrfs.Files;

/// <summary>An inode (On-disk Format, "INODE_ITEM"); a copy of its item.</summary>
internal sealed class InodeItem
{
    public const int Size = 160;
    public const ulong NoDataSum = 1 << 0;
    public const ulong NoDataCow = 1 << 1;
    public const ulong NoCompress = 1 << 3;
    public const ulong Compress = 1 << 11;
    public const ulong Verity = 1UL << 32;
    private const int TypeMask = 0xF000;

    public InodeItem(BtrfsKey key, ReadOnlySpan<byte> raw)
    {
        if (raw.Length < Size)
        {
            throw BtrfsErrors.Item(key, "it is too short");
        }

        Number = key.ObjectId;
        Raw = raw[..Size].ToArray();
        if (Le.U64(Raw, 16) > long.MaxValue)
        {
            throw BtrfsErrors.Item(key, "its length is out of range");
        }
    }

    /// <summary>A new inode.</summary>
    public InodeItem(ulong number, ulong transaction, int mode, uint uid, uint gid)
    {
        Number = number;
        Raw = new byte[Size];
        Le.Set64(Raw, 0, transaction);
        Mode = mode;
        Uid = uid;
        Gid = gid;
        DateTimeOffset now = DateTimeOffset.UtcNow;
        AccessTime = now;
        ChangeTime = now;
        ModifiedTime = now;
        SetTime(148, now);
    }

    public ulong Number { get; }

    public byte[] Raw { get; }

    public ulong Transaction { set => Le.Set64(Raw, 8, value); }

    public long Length { get => (long)Le.U64(Raw, 16); set => Le.Set64(Raw, 16, (ulong)value); }

    /// <summary>Bytes of all extents that are not holes.</summary>
    public long Bytes { get => (long)Le.U64(Raw, 24); set => Le.Set64(Raw, 24, (ulong)value); }

    public uint Links { get => Le.U32(Raw, 40); set => Le.Set32(Raw, 40, value); }

    public uint Uid { get => Le.U32(Raw, 44); set => Le.Set32(Raw, 44, value); }

    public uint Gid { get => Le.U32(Raw, 48); set => Le.Set32(Raw, 48, value); }

    public int Mode { get => (int)Le.U32(Raw, 52); set => Le.Set32(Raw, 52, (uint)value); }

    public ulong Device => Le.U64(Raw, 56);

    public ulong Flags { get => Le.U64(Raw, 64); set => Le.Set64(Raw, 64, value); }

    public DateTimeOffset AccessTime { get => GetTime(112); set => SetTime(112, value); }

    public DateTimeOffset ChangeTime { get => GetTime(124); set => SetTime(124, value); }

    public DateTimeOffset ModifiedTime { get => GetTime(136); set => SetTime(136, value); }

    public bool IsDirectory => Type == GuestFileType.Directory;

    public GuestFileType Type => (Mode & TypeMask) switch
    {
        0x4000 => GuestFileType.Directory,
        0x8000 => GuestFileType.File,
        0xA000 => GuestFileType.SymbolicLink,
        0x2000 => GuestFileType.CharacterDevice,
        0x6000 => GuestFileType.BlockDevice,
        0x1000 => GuestFileType.Fifo,
        0xC000 => GuestFileType.Socket,
        _ => throw BtrfsErrors.Item(new BtrfsKey(Number, ItemType.Inode, 0), "its type is unknown"),
    };

    public bool Has(ulong flag) => (Flags & flag) != 0;

    /// <summary>Notes a change.</summary>
    public void Touch(ulong transaction, bool contentChanged)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        ChangeTime = now;
        ModifiedTime = contentChanged ? now : ModifiedTime;
        Transaction = transaction;
    }

    private DateTimeOffset GetTime(int offset)
    {
        long seconds = Math.Clamp((long)Le.U64(Raw, offset), DateTimeOffset.MinValue.ToUnixTimeSeconds(), DateTimeOffset.MaxValue.ToUnixTimeSeconds());
        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(Math.Min(Le.U32(Raw, offset + 8), 999_999_999) / 100);
    }

    private void SetTime(int offset, DateTimeOffset time)
    {
        long ticks = (time - DateTimeOffset.UnixEpoch).Ticks;
        long seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out long rest);
        if (rest < 0)
        {
            rest += TimeSpan.TicksPerSecond;
            seconds--;
        }

        Le.Set64(Raw, offset, (ulong)seconds);
        Le.Set32(Raw, offset + 8, (uint)(rest * 100));
    }
}
