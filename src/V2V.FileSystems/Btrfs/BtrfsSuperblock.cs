using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>
/// The superblock (On-disk Format, "Superblock"): 4096 bytes at 64 KiB, with copies at 64 MiB and 256 GiB. Each device has its own,
/// which differ in the item of the device and in their own address.
/// </summary>
internal sealed class BtrfsSuperblock
{
    public const int Size = 4096;
    public const ulong FlagSeeding = 1UL << 32;
    public const ulong FlagMetadump = 3UL << 33;
    public const ulong FlagChangingFsid = 3UL << 35;
    public const int SystemChunksOffset = 811;
    public const int SystemChunksSize = 2048;
    public const int DeviceItemOffset = 201;
    public const int DeviceItemSize = 98;
    private const int BackupRootsOffset = 2859;
    private const int BackupRootSize = 168;

    private BtrfsSuperblock(byte[] raw) => Raw = raw;

    /// <summary>Where the copies are, in bytes from the start of the device.</summary>
    public static ReadOnlySpan<long> Offsets => [0x10000, 0x4000000, 0x4000000000];

    public byte[] Raw { get; }

    public ReadOnlySpan<byte> Fsid => Raw.AsSpan(32, 16);

    /// <summary>The UUID in the headers of tree blocks.</summary>
    public ReadOnlySpan<byte> MetadataFsid => Has(BtrfsIncompat.MetadataUuid) ? Raw.AsSpan(571, 16) : Fsid;

    public ulong Flags => Le.U64(Raw, 56);

    public ulong Generation { get => Le.U64(Raw, 72); set => Le.Set64(Raw, 72, value); }

    public long Root { get => (long)Le.U64(Raw, 80); set => Le.Set64(Raw, 80, (ulong)value); }

    public long ChunkRoot { get => (long)Le.U64(Raw, 88); set => Le.Set64(Raw, 88, (ulong)value); }

    public long LogRoot { get => (long)Le.U64(Raw, 96); set => Le.Set64(Raw, 96, (ulong)value); }

    public long TotalBytes => (long)Le.U64(Raw, 112);

    public long BytesUsed { get => (long)Le.U64(Raw, 120); set => Le.Set64(Raw, 120, (ulong)value); }

    public ulong DeviceCount => Le.U64(Raw, 136);

    public int SectorSize => (int)Le.U32(Raw, 144);

    public int NodeSize => (int)Le.U32(Raw, 148);

    public int SystemChunksUsed { get => (int)Le.U32(Raw, 160); set => Le.Set32(Raw, 160, (uint)value); }

    public ulong ChunkRootGeneration { get => Le.U64(Raw, 164); set => Le.Set64(Raw, 164, value); }

    public BtrfsRoCompat RoCompat => (BtrfsRoCompat)Le.U64(Raw, 180);

    public BtrfsIncompat Incompat { get => (BtrfsIncompat)Le.U64(Raw, 188); set => Le.Set64(Raw, 188, (ulong)value); }

    public ChecksumType ChecksumType => (ChecksumType)Le.U16(Raw, 196);

    public int RootLevel { get => Raw[198]; set => Raw[198] = (byte)value; }

    public int ChunkRootLevel { get => Raw[199]; set => Raw[199] = (byte)value; }

    public int LogRootLevel { get => Raw[200]; set => Raw[200] = (byte)value; }

    public Span<byte> DeviceItem => Raw.AsSpan(DeviceItemOffset, DeviceItemSize);

    public ulong DeviceId => Le.U64(Raw, DeviceItemOffset);

    public string Label
    {
        get
        {
            ReadOnlySpan<byte> label = Raw.AsSpan(299, 256);
            int end = label.IndexOf((byte)0);
            return GuestName.Decode(end < 0 ? label : label[..end]);
        }
    }

    public ulong CacheGeneration { get => Le.U64(Raw, 555); set => Le.Set64(Raw, 555, value); }

    public ulong UuidTreeGeneration { get => Le.U64(Raw, 563); set => Le.Set64(Raw, 563, value); }

    public Span<byte> SystemChunks => Raw.AsSpan(SystemChunksOffset, SystemChunksSize);

    public bool Has(BtrfsIncompat flag) => (Incompat & flag) != 0;

    public bool Has(BtrfsRoCompat flag) => (RoCompat & flag) != 0;

    /// <summary>Reads the superblock of a device: the first, or a later copy where the first is damaged.</summary>
    /// <returns>The superblock; null where the device has none.</returns>
    /// <exception cref="V2VException">All copies are damaged.</exception>
    public static BtrfsSuperblock? Read(BlockDevice device)
    {
        V2VException? problem = null;
        foreach (long offset in Offsets)
        {
            if (offset > device.Length - Size)
            {
                break;
            }

            var raw = new byte[Size];
            device.Read(offset, raw);
            if (!raw.AsSpan(64).StartsWith("_BHRfS_M"u8))
            {
                continue;
            }

            try
            {
                var super = new BtrfsSuperblock(raw);
                super.Check(offset);
                return super;
            }
            catch (V2VException e)
            {
                problem ??= e;
            }
        }

        return problem is null ? null : throw problem;
    }

    /// <summary>Writes all copies that fit on a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="deviceItem">Its item.</param>
    /// <param name="deviceLength">Size of it that the file system uses.</param>
    public void Write(BlockDevice device, ReadOnlySpan<byte> deviceItem, long deviceLength)
    {
        var raw = (byte[])Raw.Clone();
        deviceItem.CopyTo(raw.AsSpan(DeviceItemOffset));
        foreach (long offset in Offsets)
        {
            if (offset + Size > Math.Min(device.Length, deviceLength))
            {
                break;
            }

            Le.Set64(raw, 48, (ulong)offset);
            BtrfsChecksum.Compute(ChecksumType, raw.AsSpan(32), raw.AsSpan(0, 32));
            device.Write(offset, raw);
        }
    }

    /// <summary>Forgets the roots of earlier transactions: they cannot be gone back to.</summary>
    public void ClearBackupRoots() => Raw.AsSpan(BackupRootsOffset, 4 * BackupRootSize).Clear();

    private void Check(long offset)
    {
        if (!Enum.IsDefined(ChecksumType))
        {
            throw BtrfsErrors.Feature(FormattableString.Invariant($"checksums of type {(int)ChecksumType}"));
        }

        Span<byte> sum = stackalloc byte[32];
        BtrfsChecksum.Compute(ChecksumType, Raw.AsSpan(32), sum);
        if (!sum.SequenceEqual(Raw.AsSpan(0, 32)))
        {
            throw BtrfsErrors.Superblock("its checksum does not match");
        }

        if (Le.U64(Raw, 48) != (ulong)offset)
        {
            throw BtrfsErrors.Superblock("it belongs elsewhere");
        }

        if ((Flags & FlagMetadump) != 0)
        {
            throw BtrfsErrors.Feature("the form of a metadata dump (btrfs-image)");
        }

        if ((Flags & FlagChangingFsid) != 0)
        {
            throw BtrfsErrors.Feature("a change of its UUID that was not finished");
        }

        BtrfsFeatures.CheckReadable(this);
        if (!IsPowerOfTwo(SectorSize, 4096, 65536) || !IsPowerOfTwo(NodeSize, SectorSize, 65536))
        {
            throw BtrfsErrors.Superblock("the size of a sector or node is not one that Btrfs has");
        }

        if (RootLevel > 7 || ChunkRootLevel > 7 || LogRootLevel > 7)
        {
            throw BtrfsErrors.Superblock("the height of a tree is more than 8 levels");
        }

        if (SystemChunksUsed is < 0 or > SystemChunksSize || TotalBytes <= 0 || DeviceCount is 0 or > 4096)
        {
            throw BtrfsErrors.Superblock("a size or count in it is out of range");
        }

        if (!Raw.AsSpan(DeviceItemOffset + 82, 16).SequenceEqual(MetadataFsid))
        {
            throw BtrfsErrors.Superblock("its device belongs to another file system");
        }
    }

    private static bool IsPowerOfTwo(int value, int low, int high) => value >= low && value <= high && (value & (value - 1)) == 0;
}
