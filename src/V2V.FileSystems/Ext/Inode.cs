using V2V.FileSystems.Ext.Mapping;

namespace V2V.FileSystems.Ext;

/// <summary>Flags of an inode (i_flags).</summary>
[Flags]
internal enum InodeFlags : uint
{
    Synchronous = 8,
    Immutable = 0x10,
    NoDump = 0x40,
    NoAccessTime = 0x80,
    Encrypted = 0x800,
    HashIndex = 0x1000,
    JournalData = 0x4000,
    DirectorySync = 0x10000,
    HugeFile = 0x40000,
    Extents = 0x80000,
    Verity = 0x100000,
    AttributeInode = 0x200000,
    InlineData = 0x10000000,
    ProjectInherit = 0x20000000,
    CaseFold = 0x40000000,
}

/// <summary>
/// An inode in memory (kernel documentation, filesystems/ext4, "Index Nodes"): a view onto its bytes, shared by everything that
/// has the file open. <see cref="InodeStore"/> reads and writes it.
/// </summary>
internal sealed class Inode(uint number, byte[] raw, Superblock super)
{
    private const int OldSize = 128;
    private const int ChangeTimeOffset = 0xC;
    private const int ChangeTimeExtraOffset = 0x84;

    public const int TypeMask = 0xF000;

    public uint Number { get; } = number;

    public byte[] Raw { get; } = raw;

    /// <summary>True if the bytes differ from those in the inode table.</summary>
    public bool Dirty { get; set; }

    /// <summary>Open streams; such an inode is not dropped from memory.</summary>
    public int Pins { get; set; }

    /// <summary>The block map, once it has been needed.</summary>
    public BlockMap? Map { get; set; }

    public int Mode
    {
        get => Le.U16(Raw, 0);
        set => Le.Set16(Raw, 0, (uint)value);
    }

    public uint Uid
    {
        get => Le.U16(Raw, 2) | ((uint)Le.U16(Raw, 0x78) << 16);
        set
        {
            Le.Set16(Raw, 2, value);
            Le.Set16(Raw, 0x78, value >> 16);
        }
    }

    public uint Gid
    {
        get => Le.U16(Raw, 0x18) | ((uint)Le.U16(Raw, 0x7A) << 16);
        set
        {
            Le.Set16(Raw, 0x18, value);
            Le.Set16(Raw, 0x7A, value >> 16);
        }
    }

    public long Size
    {
        get => Le.U32(Raw, 4) | (IsFile || IsDirectory ? (long)Le.U32(Raw, 0x6C) << 32 : 0);
        set
        {
            Le.Set32(Raw, 4, (uint)value);
            Le.Set32(Raw, 0x6C, (uint)(value >> 32));
        }
    }

    public int Links
    {
        get => Le.U16(Raw, 0x1A);
        set => Le.Set16(Raw, 0x1A, (uint)value);
    }

    public InodeFlags Flags
    {
        get => (InodeFlags)Le.U32(Raw, 0x20);
        set => Le.Set32(Raw, 0x20, (uint)value);
    }

    public uint Generation
    {
        get => Le.U32(Raw, 0x64);
        set => Le.Set32(Raw, 0x64, value);
    }

    /// <summary>Deletion time, or the next inode of the orphan list.</summary>
    public uint DeletionTime
    {
        get => Le.U32(Raw, 0x14);
        set => Le.Set32(Raw, 0x14, value);
    }

    /// <summary>The low half of i_version, which counts the references of an attribute inode.</summary>
    public uint Version
    {
        get => Le.U32(Raw, 0x24);
        set => Le.Set32(Raw, 0x24, value);
    }

    /// <summary>Block of extended attributes; 0 if there is none.</summary>
    public long AttributeBlock
    {
        get => Le.U32(Raw, 0x68) | (super.CreatorOs == 1 ? 0 : (long)Le.U16(Raw, 0x76) << 32);
        set
        {
            Le.Set32(Raw, 0x68, (uint)value);
            Le.Set16(Raw, 0x76, (uint)(value >> 32));
        }
    }

    /// <summary>The 60 bytes that hold the block map, inline content or a short link target.</summary>
    public Span<byte> BlockArea => Raw.AsSpan(0x28, 60);

    /// <summary>Bytes of storage that the file takes, its map and attributes included.</summary>
    public long AllocatedBytes
    {
        get
        {
            long count = Le.U32(Raw, 0x1C);
            if (super.Has(ExtRoCompat.HugeFile))
            {
                count |= (long)Le.U16(Raw, 0x74) << 32;
                return Has(InodeFlags.HugeFile) ? count * super.BlockSize : count * 512;
            }

            return count * 512;
        }

        set
        {
            long sectors = value / 512;
            Flags &= ~InodeFlags.HugeFile;
            if (sectors > uint.MaxValue)
            {
                if (!super.Has(ExtRoCompat.HugeFile))
                {
                    throw ExtErrors.TooLarge(value);
                }

                if (sectors >= 1L << 48)
                {
                    Flags |= InodeFlags.HugeFile;
                    sectors = value / super.BlockSize;
                }
            }

            Le.Set32(Raw, 0x1C, (uint)sectors);
            if (super.Has(ExtRoCompat.HugeFile))
            {
                Le.Set16(Raw, 0x74, (uint)(sectors >> 32));
            }
        }
    }

    /// <summary>Bytes beyond the first 128 that hold fields; extended attributes follow them.</summary>
    public int ExtraSize
    {
        get => Raw.Length > OldSize ? Le.U16(Raw, 0x80) : 0;
        set => Le.Set16(Raw, 0x80, (uint)value);
    }

    public uint Project
    {
        get => HasField(0x9C) ? Le.U32(Raw, 0x9C) : 0;
        set
        {
            if (HasField(0x9C))
            {
                Le.Set32(Raw, 0x9C, value);
            }
        }
    }

    public uint DeviceNumberOld => Le.U32(Raw, 0x28);

    public uint DeviceNumberNew => Le.U32(Raw, 0x2C);

    public bool IsFile => (Mode & TypeMask) == 0x8000;

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsSymbolicLink => (Mode & TypeMask) == 0xA000;

    public DateTimeOffset ModifiedTime
    {
        get => GetTime(0x10, 0x88);
        set => SetTime(0x10, 0x88, value);
    }

    public DateTimeOffset AccessTime
    {
        get => GetTime(8, 0x8C);
        set => SetTime(8, 0x8C, value);
    }

    public DateTimeOffset ChangeTime
    {
        get => GetTime(ChangeTimeOffset, ChangeTimeExtraOffset);
        set => SetTime(ChangeTimeOffset, ChangeTimeExtraOffset, value);
    }

    /// <summary>Creation time, where the inode is large enough to hold it.</summary>
    public DateTimeOffset CreationTime
    {
        set
        {
            if (HasField(0x90))
            {
                SetTime(0x90, 0x94, value);
            }
        }
    }

    /// <summary>Seed of the checksums of everything that belongs to the inode.</summary>
    public uint ChecksumSeed =>
        ExtChecksum.Crc32C(ExtChecksum.Crc32C(super.ChecksumSeed, Number), Generation);

    public bool Has(InodeFlags flag) => (Flags & flag) != 0;

    /// <summary>True if the four-byte field at an offset beyond 128 is within i_extra_isize.</summary>
    public bool HasField(int offset) => Raw.Length > OldSize && OldSize + ExtraSize >= offset + 4;

    /// <summary>The type of the file.</summary>
    public GuestFileType Type => (Mode & TypeMask) switch
    {
        0x1000 => GuestFileType.Fifo,
        0x2000 => GuestFileType.CharacterDevice,
        0x4000 => GuestFileType.Directory,
        0x6000 => GuestFileType.BlockDevice,
        0x8000 => GuestFileType.File,
        0xA000 => GuestFileType.SymbolicLink,
        0xC000 => GuestFileType.Socket,
        _ => throw ExtErrors.Inode(Number, FormattableString.Invariant($"its mode {Mode:X4} names no file type")),
    };

    /// <summary>Marks content and inode as changed now.</summary>
    public void Touch(bool contentChanged)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        ChangeTime = now;
        if (contentChanged)
        {
            ModifiedTime = now;
        }

        Dirty = true;
    }

    private DateTimeOffset GetTime(int offset, int extraOffset)
    {
        long seconds = (int)Le.U32(Raw, offset);
        long nanoseconds = 0;
        if (HasField(extraOffset))
        {
            uint extra = Le.U32(Raw, extraOffset);
            seconds += (long)(extra & 3) << 32;
            nanoseconds = Math.Min(extra >> 2, 999_999_999);
        }

        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanoseconds / 100);
    }

    private void SetTime(int offset, int extraOffset, DateTimeOffset time)
    {
        long seconds = time.ToUnixTimeSeconds();
        if (HasField(extraOffset))
        {
            seconds = Math.Clamp(seconds, int.MinValue, int.MaxValue + (3L << 32));
            long epoch = (seconds - (int)seconds) >> 32;
            long nanoseconds = (time.Ticks - DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds()).Ticks) * 100;
            Le.Set32(Raw, extraOffset, ((uint)epoch & 3) | ((uint)nanoseconds << 2));
        }
        else
        {
            seconds = Math.Clamp(seconds, int.MinValue, int.MaxValue);
        }

        Le.Set32(Raw, offset, (uint)(int)seconds);
    }
}
