using System.Buffers.Binary;
using System.Numerics;
using V2V.FileSystems.Ext;

namespace V2V.FileSystems.Signatures;

/// <summary>File systems of Linux and its swap space.</summary>
internal static class LinuxSignatures
{
    private const uint ExtCompatHasJournal = 0x4;
    private const uint ExtIncompatJournalDevice = 0x8;
    private const uint Ext2Incompat = 0x2 | 0x10;
    private const uint Ext3Incompat = Ext2Incompat | 0x4;
    private const uint Ext3RoCompat = 0x1 | 0x2 | 0x4;

    /// <summary>ext2, ext3, ext4 (told apart by their feature sets) and the external journal, <c>jbd</c>.</summary>
    public static VolumeSignature Ext(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes(1024, 1024);
        if (super.IsEmpty || BinaryPrimitives.ReadUInt16LittleEndian(super[0x38..]) != 0xEF53)
        {
            return default;
        }

        uint compat = BinaryPrimitives.ReadUInt32LittleEndian(super[0x5C..]);
        uint incompat = BinaryPrimitives.ReadUInt32LittleEndian(super[0x60..]);
        uint roCompat = BinaryPrimitives.ReadUInt32LittleEndian(super[0x64..]);
        // A wrong checksum is for opening to report: a damaged file system must not pass for an empty volume.
        if (BinaryPrimitives.ReadUInt32LittleEndian(super[0x18..]) > 6 || BinaryPrimitives.ReadUInt32LittleEndian(super[0x20..]) == 0)
        {
            return default;
        }

        bool ext3Only = (incompat & ~Ext3Incompat) == 0 && (roCompat & ~Ext3RoCompat) == 0;
        string type = (incompat & ExtIncompatJournalDevice) != 0 ? "jbd"
            : !ext3Only ? "ext4"
            : (compat & ExtCompatHasJournal) != 0 ? "ext3"
            : "ext2";
        return new VolumeSignature(type, SignatureReader.Uuid(super.Slice(0x68, 16)), SignatureReader.Label(super.Slice(0x78, 16)));
    }

    /// <summary>XFS: superblock of allocation group 0.</summary>
    public static VolumeSignature Xfs(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes(0, 512);
        if (!super.StartsWith("XFSB"u8))
        {
            return default;
        }

        uint blockSize = BinaryPrimitives.ReadUInt32BigEndian(super[4..]);
        ushort sectorSize = BinaryPrimitives.ReadUInt16BigEndian(super[102..]);
        bool sane = BitOperations.IsPow2(blockSize) && blockSize is >= 512 and <= 65536
            && BitOperations.IsPow2((uint)sectorSize) && sectorSize is >= 512 and <= 32768
            && BinaryPrimitives.ReadUInt32BigEndian(super[88..]) != 0;
        return sane ? new VolumeSignature("xfs", SignatureReader.Uuid(super[32..]), SignatureReader.Label(super.Slice(108, 12))) : default;
    }

    /// <summary>The log of an XFS on a device of its own: a record header in one of the first sectors.</summary>
    public static VolumeSignature XfsExternalLog(SignatureReader reader)
    {
        for (int sector = 0; sector < 128; sector++)
        {
            ReadOnlySpan<byte> record = reader.Bytes(sector * 512L, 512);
            if (record.IsEmpty)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt32BigEndian(record) == 0xFEEDBABE
                && BinaryPrimitives.ReadUInt32BigEndian(record[8..]) is 1 or 2
                && BinaryPrimitives.ReadUInt32BigEndian(record[300..]) is 1 or 2 or 3)
            {
                return new VolumeSignature("xfs_external_log", null, null);
            }
        }

        return default;
    }

    /// <summary>Btrfs: the first superblock, at 64 KiB; its UUID is the fsid.</summary>
    public static VolumeSignature Btrfs(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes(0x10000, 4096);
        return super.IsEmpty || !super[0x40..].StartsWith("_BHRfS_M"u8)
            ? default
            : new VolumeSignature("btrfs", SignatureReader.Uuid(super[0x20..]), SignatureReader.Label(super.Slice(0x12B, 256)));
    }

    /// <summary>Swap space, old and new, for every page size; and swap space that holds a hibernated system.</summary>
    public static VolumeSignature Swap(SignatureReader reader)
    {
        for (int pageSize = 4096; pageSize <= 65536; pageSize *= 2)
        {
            ReadOnlySpan<byte> magic = reader.Bytes(pageSize - 10, 10);
            bool suspended = magic.StartsWith("S1SUSPEND"u8) || magic.StartsWith("S2SUSPEND"u8) || magic.StartsWith("ULSUSPEND"u8)
                || magic.StartsWith("LINHIB0001"u8);
            if (magic.SequenceEqual("SWAP-SPACE"u8))
            {
                return new VolumeSignature("swap", null, null);
            }

            if (!suspended && !magic.SequenceEqual("SWAPSPACE2"u8))
            {
                continue;
            }

            ReadOnlySpan<byte> header = reader.Bytes(1024, 512);
            uint version = BinaryPrimitives.ReadUInt32LittleEndian(header);
            bool sane = version is 1 or 0x01000000
                && BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != 0
                && !header.Slice(44 + (32 * 4), 8).ContainsAnyExcept((byte)0);
            if (sane)
            {
                return new VolumeSignature(
                    suspended ? "swsuspend" : "swap",
                    SignatureReader.Uuid(header[12..]),
                    SignatureReader.Label(header.Slice(28, 16)));
            }
        }

        return default;
    }

    /// <summary>ReiserFS 3.5 and 3.6.</summary>
    public static VolumeSignature Reiser(SignatureReader reader)
    {
        foreach (long offset in (ReadOnlySpan<long>)[0x2000, 0x10000])
        {
            ReadOnlySpan<byte> super = reader.Bytes(offset, 204);
            if (super.IsEmpty)
            {
                continue;
            }

            ReadOnlySpan<byte> magic = super[0x34..];
            if (!magic.StartsWith("ReIsErFs"u8) && !magic.StartsWith("ReIsEr2Fs"u8) && !magic.StartsWith("ReIsEr3Fs"u8))
            {
                continue;
            }

            return magic.StartsWith("ReIsErFs"u8)
                ? new VolumeSignature("reiserfs", null, null)
                : new VolumeSignature("reiserfs", SignatureReader.Uuid(super[0x54..]), SignatureReader.Label(super.Slice(0x64, 16)));
        }

        return default;
    }

    /// <summary>JFS.</summary>
    public static VolumeSignature Jfs(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes(0x8000, 184);
        if (!super.StartsWith("JFS1"u8))
        {
            return default;
        }

        uint blockSize = BinaryPrimitives.ReadUInt32LittleEndian(super[16..]);
        ushort shift = BinaryPrimitives.ReadUInt16LittleEndian(super[20..]);
        return shift < 31 && blockSize == 1u << shift
            ? new VolumeSignature("jfs", SignatureReader.Uuid(super[136..]), SignatureReader.Label(super.Slice(152, 16)))
            : default;
    }

    /// <summary>F2FS.</summary>
    public static VolumeSignature F2fs(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes(1024, 1148);
        return super.IsEmpty || BinaryPrimitives.ReadUInt32LittleEndian(super) != 0xF2F52010
            ? default
            : new VolumeSignature("f2fs", SignatureReader.Uuid(super[108..]), SignatureReader.Label16(super.Slice(124, 1024)));
    }

    /// <summary>SquashFS 4 and its predecessors.</summary>
    public static VolumeSignature Squashfs(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes(0, 32);
        bool little = super.StartsWith("hsqs"u8);
        if (!little && !super.StartsWith("sqsh"u8))
        {
            return default;
        }

        ushort major = little ? BinaryPrimitives.ReadUInt16LittleEndian(super[28..]) : BinaryPrimitives.ReadUInt16BigEndian(super[28..]);
        return new VolumeSignature(major < 4 ? "squashfs3" : "squashfs", null, null);
    }
}
