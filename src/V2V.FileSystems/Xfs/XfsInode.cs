using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs;

/// <summary>An inode in memory: its stored form, field by field, and its two forks.</summary>
internal sealed class XfsInode
{
    public const int TypeMask = 0xF000;

    private const long BigTimeEpoch = -(1L << 31);
    private const int NanosecondsPerTick = 100;

    private readonly XfsVolume _volume;

    public XfsInode(XfsVolume volume, ulong number, byte[] raw)
    {
        _volume = volume;
        Number = number;
        Raw = raw;
        Data = new Fork(volume, this, isAttribute: false);
        Attributes = new Fork(volume, this, isAttribute: true);
    }

    public ulong Number { get; }

    public byte[] Raw { get; }

    /// <summary>True if the inode has to be written.</summary>
    public bool Dirty { get; set; }

    /// <summary>Open streams.</summary>
    public int Pins { get; set; }

    public Fork Data { get; }

    public Fork Attributes { get; }

    public int Version => Raw[InodeLayout.Version];

    public int CoreSize => Version == 3 ? InodeLayout.CoreSizeV3 : InodeLayout.CoreSizeV2;

    /// <summary>Bytes for the two forks.</summary>
    public int LiteralSize => Raw.Length - CoreSize;

    /// <summary>Start of the attribute fork in the literal area in bytes; 0 if there is none.</summary>
    public int ForkOffset
    {
        get => Raw[InodeLayout.ForkOffset] * 8;
        set
        {
            Raw[InodeLayout.ForkOffset] = (byte)(value / 8);
            Dirty = true;
        }
    }

    public int Mode
    {
        get => Be.U16(Raw, InodeLayout.Mode);
        set
        {
            Be.Set16(Raw, InodeLayout.Mode, value);
            Dirty = true;
        }
    }

    public uint Uid
    {
        get => Be.U32(Raw, InodeLayout.Uid);
        set => Set32(InodeLayout.Uid, value);
    }

    public uint Gid
    {
        get => Be.U32(Raw, InodeLayout.Gid);
        set => Set32(InodeLayout.Gid, value);
    }

    public uint Links
    {
        get => Version == 1 ? Be.U16(Raw, InodeLayout.OldLinks) : Be.U32(Raw, InodeLayout.Links);
        set => Set32(InodeLayout.Links, value);
    }

    public long Size
    {
        get => (long)Be.U64(Raw, InodeLayout.FileSize);
        set
        {
            Be.Set64(Raw, InodeLayout.FileSize, (ulong)value);
            Dirty = true;
        }
    }

    /// <summary>Blocks of both forks with their block maps.</summary>
    public ulong Blocks
    {
        get => Be.U64(Raw, InodeLayout.Blocks);
        set
        {
            Be.Set64(Raw, InodeLayout.Blocks, value);
            Dirty = true;
        }
    }

    public int Flags
    {
        get => Be.U16(Raw, InodeLayout.Flags);
        set
        {
            Be.Set16(Raw, InodeLayout.Flags, value);
            Dirty = true;
        }
    }

    public ulong Flags2
    {
        get => Version == 3 ? Be.U64(Raw, InodeLayout.Flags2) : 0;
        set
        {
            if (Version == 3)
            {
                Be.Set64(Raw, InodeLayout.Flags2, value);
                Dirty = true;
            }
        }
    }

    public bool IsReflink => (Flags2 & InodeLayout.Flag2Reflink) != 0;

    public bool IsRealtime => (Flags & InodeLayout.FlagRealtime) != 0;

    public bool HasLargeExtentCounts => (Flags2 & InodeLayout.Flag2LargeExtentCounts) != 0;

    public uint Generation
    {
        get => Be.U32(Raw, InodeLayout.Generation);
        set => Set32(InodeLayout.Generation, value);
    }

    public uint NextUnlinked
    {
        get => Be.U32(Raw, InodeLayout.NextUnlinked);
        set => Set32(InodeLayout.NextUnlinked, value);
    }

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsFile => (Mode & TypeMask) == 0x8000;

    public bool IsSymbolicLink => (Mode & TypeMask) == 0xA000;

    public GuestFileType Type => (Mode & TypeMask) switch
    {
        0x1000 => GuestFileType.Fifo,
        0x2000 => GuestFileType.CharacterDevice,
        0x4000 => GuestFileType.Directory,
        0x6000 => GuestFileType.BlockDevice,
        0x8000 => GuestFileType.File,
        0xA000 => GuestFileType.SymbolicLink,
        0xC000 => GuestFileType.Socket,
        _ => throw XfsErrors.Inode(Number, "its type is unknown"),
    };

    /// <summary>Device number of a device node: 14 bits of major number, 18 bits of minor number.</summary>
    public (uint Major, uint Minor) DeviceNumber
    {
        get
        {
            uint packed = Be.U32(Raw, CoreSize);
            return (packed >> 18, packed & 0x3FFFF);
        }
    }

    public DateTimeOffset ModifiedTime
    {
        get => GetTime(InodeLayout.ModifiedTime);
        set => SetTime(InodeLayout.ModifiedTime, value);
    }

    public DateTimeOffset AccessTime => GetTime(InodeLayout.AccessTime);

    public DateTimeOffset ChangeTime => GetTime(InodeLayout.ChangeTime);

    private bool HasBigTime => (Flags2 & InodeLayout.Flag2BigTime) != 0;

    /// <summary>Fills a newly allocated inode, whose number and generation are stored already.</summary>
    public void Initialise(int mode, uint uid, uint gid, XfsInode? parent)
    {
        uint generation = Generation;
        Raw.AsSpan().Clear();
        Be.Set16(Raw, 0, InodeLayout.Magic);
        XfsSuperblock super = _volume.Super;
        Raw[InodeLayout.Version] = (byte)(super.IsV5 ? 3 : 2);
        Raw[InodeLayout.Format] = (byte)ForkFormat.Extents;
        Raw[InodeLayout.AttributeFormat] = (byte)ForkFormat.Extents;
        Mode = mode;
        Uid = uid;
        Gid = gid;
        Generation = generation;
        NextUnlinked = Agi.Null;
        if (super.IsV5)
        {
            Be.Set64(Raw, InodeLayout.Number, Number);
            super.MetaUuid.CopyTo(Raw.AsSpan(InodeLayout.Uuid));
            Flags2 = (super.Has(XfsIncompat.BigTime) ? InodeLayout.Flag2BigTime : 0)
                | (super.Has(XfsIncompat.LargeExtentCounts) ? InodeLayout.Flag2LargeExtentCounts : 0);
        }

        if (parent is not null && (parent.Flags & InodeLayout.FlagProjectInherit) != 0)
        {
            parent.Raw.AsSpan(InodeLayout.ProjectLow, 4).CopyTo(Raw.AsSpan(InodeLayout.ProjectLow));
            Flags |= (mode & TypeMask) == 0x4000 ? InodeLayout.FlagProjectInherit : 0;
        }

        DateTimeOffset now = DateTimeOffset.UtcNow;
        SetTime(InodeLayout.AccessTime, now);
        SetTime(InodeLayout.ModifiedTime, now);
        SetTime(InodeLayout.ChangeTime, now);
        if (super.IsV5)
        {
            SetTime(InodeLayout.CreationTime, now);
            Be.Set64(Raw, InodeLayout.ChangeCount, 1);
        }
    }

    /// <summary>Notes a change of the inode, or of its content too.</summary>
    public void Touch(bool contentChanged)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        SetTime(InodeLayout.ChangeTime, now);
        if (contentChanged)
        {
            SetTime(InodeLayout.ModifiedTime, now);
        }

        if (Version == 3)
        {
            Be.Set64(Raw, InodeLayout.ChangeCount, Be.U64(Raw, InodeLayout.ChangeCount) + 1);
        }
    }

    /// <summary>Turns an inode of version 1, with its 16-bit number of links, into one of version 2.</summary>
    public void Upgrade()
    {
        if (Version == 1)
        {
            uint links = Links;
            Raw[InodeLayout.Version] = 2;
            Be.Set16(Raw, InodeLayout.OldLinks, 0);
            Be.Set32(Raw, InodeLayout.ProjectLow, 0);
            Links = links;
        }
    }

    private void Set32(int offset, uint value)
    {
        Be.Set32(Raw, offset, value);
        Dirty = true;
    }

    private DateTimeOffset GetTime(int offset)
    {
        long seconds;
        long nanoseconds;
        if (HasBigTime)
        {
            ulong packed = Be.U64(Raw, offset);
            seconds = (long)(packed / 1_000_000_000) + BigTimeEpoch;
            nanoseconds = (long)(packed % 1_000_000_000);
        }
        else
        {
            seconds = (int)Be.U32(Raw, offset);
            nanoseconds = Be.U32(Raw, offset + 4) % 1_000_000_000;
        }

        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanoseconds / NanosecondsPerTick);
    }

    private void SetTime(int offset, DateTimeOffset time)
    {
        long ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        long seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out long rest);
        if (rest < 0)
        {
            seconds--;
            rest += TimeSpan.TicksPerSecond;
        }

        if (HasBigTime)
        {
            seconds = Math.Clamp(seconds, BigTimeEpoch, 16_299_260_424);
            Be.Set64(Raw, offset, ((ulong)(seconds - BigTimeEpoch) * 1_000_000_000) + (ulong)(rest * NanosecondsPerTick));
        }
        else
        {
            Be.Set32(Raw, offset, (uint)(int)Math.Clamp(seconds, int.MinValue, int.MaxValue));
            Be.Set32(Raw, offset + 4, (uint)(rest * NanosecondsPerTick));
        }

        Dirty = true;
    }
}
