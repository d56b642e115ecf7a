using System.Buffers.Binary;
using System.Text;

namespace V2V.Storage.Volumes.Lvm;

/// <summary>
/// A physical volume as its own label describes it: the label sector, the PV header and the metadata areas (LVM2's format_text/layout.h).
/// Its newest readable copy of the group's metadata counts.
/// </summary>
internal sealed class PhysicalVolume
{
    private const int SectorSize = 512;
    private const int LabelSectors = 4;
    private const int MaxAreas = 16;
    private const int MaxTextLength = 128 << 20;
    private const uint AreaIgnored = 1;

    private static readonly byte[] s_areaMagic = [.. " LVM2 x[5A%r0N*>"u8];

    private PhysicalVolume(string name, BlockDevice device, string uuid) => (Name, Device, Uuid) = (name, device, uuid);

    /// <summary>Name of the device below, for messages.</summary>
    internal string Name { get; }

    /// <summary>The device below.</summary>
    internal BlockDevice Device { get; }

    /// <summary>UUID with its dashes.</summary>
    internal string Uuid { get; }

    /// <summary>The newest metadata on it, parsed; null if it holds none or none that can be used.</summary>
    internal LvmSection? Metadata { get; private set; }

    /// <summary>Why a metadata area could not be used.</summary>
    internal List<string> Warnings { get; } = [];

    /// <summary>Reads the label and the metadata of a device; null if it is no physical volume.</summary>
    internal static PhysicalVolume? TryRead(string name, BlockDevice device)
    {
        if (device.Length < LabelSectors * SectorSize)
        {
            return null;
        }

        var sectors = new byte[LabelSectors * SectorSize];
        device.Read(0, sectors);
        for (int i = 0; i < LabelSectors; i++)
        {
            ReadOnlySpan<byte> label = sectors.AsSpan(i * SectorSize, SectorSize);
            if (label.StartsWith("LABELONE"u8) && label[24..].StartsWith("LVM2 001"u8)
                && BinaryPrimitives.ReadUInt64LittleEndian(label[8..]) == (ulong)i
                && BinaryPrimitives.ReadUInt32LittleEndian(label[16..]) == LvmChecksum.Compute(LvmChecksum.Initial, label[20..]))
            {
                return ReadHeader(name, device, label);
            }
        }

        return null;
    }

    /// <summary>The 32 characters of an LVM UUID with the dashes that LVM prints.</summary>
    internal static string FormatUuid(string id) => id.Length == 32
        ? $"{id[..6]}-{id[6..10]}-{id[10..14]}-{id[14..18]}-{id[18..22]}-{id[22..26]}-{id[26..]}"
        : id;

    private static PhysicalVolume? ReadHeader(string name, BlockDevice device, ReadOnlySpan<byte> label)
    {
        uint at = BinaryPrimitives.ReadUInt32LittleEndian(label[20..]);
        if (at is < 32 or > SectorSize - 40)
        {
            return null;
        }

        ReadOnlySpan<byte> header = label[(int)at..];
        var volume = new PhysicalVolume(name, device, FormatUuid(Encoding.ASCII.GetString(header[..32])));
        header = header[40..];

        // Two lists of areas, each ended by zeroes: where the data lies, and where metadata lies.
        for (int list = 0; list < 2; list++)
        {
            for (int i = 0; i < MaxAreas && header.Length >= 16; i++)
            {
                ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header), size = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
                header = header[16..];
                if (offset == 0)
                {
                    break;
                }

                if (list == 1)
                {
                    volume.ReadArea(offset, size);
                }
            }
        }

        return volume;
    }

    private void ReadArea(ulong start, ulong size)
    {
        Span<byte> header = stackalloc byte[SectorSize];
        if (size < 2 * SectorSize || start > long.MaxValue / 2 || size > long.MaxValue / 2 || (long)(start + size) > Device.Length)
        {
            Warnings.Add($"{Name}: a metadata area lies outside the device.");
            return;
        }

        Device.Read((long)start, header);
        if (!header[4..].StartsWith(s_areaMagic)
            || BinaryPrimitives.ReadUInt32LittleEndian(header) != LvmChecksum.Compute(LvmChecksum.Initial, header[4..])
            || BinaryPrimitives.ReadUInt32LittleEndian(header[20..]) != 1)
        {
            Warnings.Add($"{Name}: the header of a metadata area is damaged.");
            return;
        }

        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]), length = BinaryPrimitives.ReadUInt64LittleEndian(header[48..]);
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(header[56..]);
        bool isIgnored = (BinaryPrimitives.ReadUInt32LittleEndian(header[60..]) & AreaIgnored) != 0;
        if (offset == 0 || length == 0 || isIgnored)
        {
            return;
        }

        if (offset < SectorSize || offset >= size || length > size - SectorSize || length > MaxTextLength)
        {
            Warnings.Add($"{Name}: a metadata area points outside itself.");
            return;
        }

        // The texts go round in the area behind its header.
        var text = new byte[length];
        int first = (int)Math.Min(length, size - offset);
        Device.Read((long)(start + offset), text.AsSpan(0, first));
        Device.Read((long)start + SectorSize, text.AsSpan(first));
        if (LvmChecksum.Compute(LvmChecksum.Initial, text) != checksum)
        {
            Warnings.Add($"{Name}: the checksum of LVM's metadata is wrong.");
            return;
        }

        Take(text);
    }

    private void Take(byte[] text)
    {
        try
        {
            LvmSection metadata = LvmText.Parse(text.AsSpan().TrimEnd((byte)0), Name);
            if (Metadata is null || Sequence(metadata) > Sequence(Metadata))
            {
                Metadata = metadata;
            }
        }
        catch (V2VException e)
        {
            Warnings.Add($"{Name}: {e.Message}");
        }
    }

    /// <summary>The number that grows with each change of a group.</summary>
    internal static long Sequence(LvmSection metadata) =>
        metadata.Sections.Select(s => s.Section.Number("seqno")).FirstOrDefault(n => n is not null) ?? -1;
}
