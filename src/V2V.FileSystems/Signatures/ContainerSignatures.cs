using System.Buffers.Binary;
using System.Text;

namespace V2V.FileSystems.Signatures;

/// <summary>Volumes that hold other volumes: LVM, md, LUKS, ZFS and VMFS.</summary>
internal static class ContainerSignatures
{
    private const uint MdMagic = 0xA92B4EFC;

    /// <summary>A physical volume of LVM2: a label in one of the first four sectors.</summary>
    public static VolumeSignature Lvm2(SignatureReader reader)
    {
        for (int sector = 0; sector < 4; sector++)
        {
            ReadOnlySpan<byte> label = reader.Bytes(sector * 512, 512);
            if (label.IsEmpty || !label.StartsWith("LABELONE"u8) || !label[24..].StartsWith("LVM2 001"u8)
                || BinaryPrimitives.ReadUInt64LittleEndian(label[8..]) != (ulong)sector)
            {
                continue;
            }

            uint header = BinaryPrimitives.ReadUInt32LittleEndian(label[20..]);
            return new VolumeSignature("LVM2_member", header <= 480 ? PhysicalVolumeUuid(label.Slice((int)header, 32)) : null, null);
        }

        return default;
    }

    /// <summary>A member of a Linux RAID: superblock 0.90 or 1.0 near the end, 1.1 at the start, 1.2 at 4 KiB.</summary>
    public static VolumeSignature LinuxRaid(SignatureReader reader)
    {
        VolumeSignature found = default;
        long sectors = reader.Length >> 9;
        if (sectors > 16)
        {
            found = Md1(reader, (sectors - 16) & ~7L);
        }

        found = found.Type is null ? Md1(reader, 0) : found;
        found = found.Type is null ? Md1(reader, 8) : found;
        return found.Type is null && reader.Length >= 128 << 10 ? Md090(reader) : found;
    }

    /// <summary>LUKS 1 and 2; of LUKS 2 also the second header when the first is gone.</summary>
    public static VolumeSignature Luks(SignatureReader reader)
    {
        VolumeSignature found = LuksHeader(reader, 0, "LUKS\u00ba\u00be");
        for (long offset = 0x4000; found.Type is null && offset <= 0x400000; offset *= 2)
        {
            found = LuksHeader(reader, offset, "SKUL\u00ba\u00be");
        }

        return found;
    }

    /// <summary>An extent of a VMFS volume: the volume header at 1 MiB.</summary>
    public static VolumeSignature VmfsVolume(SignatureReader reader)
    {
        ReadOnlySpan<byte> header = reader.Bytes(0x100000, 1024);
        return header.StartsWith((ReadOnlySpan<byte>)[0x0D, 0xD0, 0x01, 0xC0])
            ? new VolumeSignature("VMFS_volume_member", SignatureReader.Label(header.Slice(0x214, 35)), null)
            : default;
    }

    /// <summary>The file system header of VMFS at 2 MiB.</summary>
    public static VolumeSignature Vmfs(SignatureReader reader)
    {
        ReadOnlySpan<byte> header = reader.Bytes(0x200000, 157);
        return header.StartsWith((ReadOnlySpan<byte>)[0x5E, 0xF1, 0xAB, 0x2F])
            ? new VolumeSignature("VMFS", VmfsUuid(header.Slice(9, 16)), SignatureReader.Label(header.Slice(29, 128)))
            : default;
    }

    private static VolumeSignature Md1(SignatureReader reader, long sector)
    {
        ReadOnlySpan<byte> super = reader.Bytes(sector * 512, 256);
        return super.IsEmpty || BinaryPrimitives.ReadUInt32LittleEndian(super) != MdMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(super[4..]) != 1
            || BinaryPrimitives.ReadUInt64LittleEndian(super[144..]) != (ulong)sector
            ? default
            : new VolumeSignature("linux_raid_member", SignatureReader.Uuid(super[16..]), SignatureReader.Label(super.Slice(32, 32)));
    }

    private static VolumeSignature Md090(SignatureReader reader)
    {
        ReadOnlySpan<byte> super = reader.Bytes((reader.Length & ~0xFFFFL) - 0x10000, 4096);
        if (super.IsEmpty)
        {
            return default;
        }

        bool little = BinaryPrimitives.ReadUInt32LittleEndian(super) == MdMagic;
        if (!little && BinaryPrimitives.ReadUInt32BigEndian(super) != MdMagic)
        {
            return default;
        }

        // The set's UUID is four words of which the first lies apart; blkid prints their bytes, each word in big-endian order.
        Span<byte> uuid = stackalloc byte[16];
        for (int i = 0; i < 4; i++)
        {
            ReadOnlySpan<byte> word = super[(i == 0 ? 20 : 48 + (i * 4))..];
            uint value = little ? BinaryPrimitives.ReadUInt32LittleEndian(word) : BinaryPrimitives.ReadUInt32BigEndian(word);
            BinaryPrimitives.WriteUInt32BigEndian(uuid[(i * 4)..], value);
        }

        return new VolumeSignature("linux_raid_member", SignatureReader.Uuid(uuid), null);
    }

    private static VolumeSignature LuksHeader(SignatureReader reader, long offset, string magic)
    {
        ReadOnlySpan<byte> header = reader.Bytes(offset, 512);
        if (header.IsEmpty || !header.StartsWith(Encoding.Latin1.GetBytes(magic)))
        {
            return default;
        }

        return BinaryPrimitives.ReadUInt16BigEndian(header[6..]) switch
        {
            1 when offset == 0 => new VolumeSignature("crypto_LUKS", SignatureReader.Label(header.Slice(168, 40)), null),
            2 => new VolumeSignature("crypto_LUKS", SignatureReader.Label(header.Slice(168, 40)), SignatureReader.Label(header.Slice(24, 48))),
            _ => default,
        };
    }

    private static string? PhysicalVolumeUuid(ReadOnlySpan<byte> id)
    {
        string text = Encoding.Latin1.GetString(id);
        return text.All(c => char.IsAsciiLetterOrDigit(c) || c is '!' or '#')
            ? $"{text[..6]}-{text[6..10]}-{text[10..14]}-{text[14..18]}-{text[18..22]}-{text[22..26]}-{text[26..]}"
            : null;
    }

    private static string VmfsUuid(ReadOnlySpan<byte> id) =>
        FormattableString.Invariant($"{BinaryPrimitives.ReadUInt32LittleEndian(id):x8}-{BinaryPrimitives.ReadUInt32LittleEndian(id[4..]):x8}-{BinaryPrimitives.ReadUInt16LittleEndian(id[8..]):x4}-")
        + Convert.ToHexStringLower(id.Slice(10, 6));
}
