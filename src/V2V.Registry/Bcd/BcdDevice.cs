using System.Buffers.Binary;
using System.Globalization;

namespace V2V.Registry.Bcd;

/// <summary>
/// A device that an element names. Its bytes: the GUID of an object with options, then kind, flags and length, 32 bits each, and the device itself.
/// </summary>
/// <param name="Kind">5 the device that was booted from, 6 a partition by its disk's and its own identity; others as stored.</param>
/// <param name="Partition">GUID of a GPT partition; for MBR the disk's signature and the partition's first byte, <c>xxxxxxxx+N</c>; null for another kind.</param>
/// <param name="Disk">GUID or signature of the disk; null for another kind.</param>
public sealed record BcdDevice(uint Kind, string? Partition, string? Disk)
{
    private const int HeaderSize = 32;
    private const uint BootDevice = 5;
    private const uint QualifiedPartition = 6;

    /// <summary>Reads a device; null if it is too short.</summary>
    public static BcdDevice? TryRead(ReadOnlySpan<byte> data)
    {
        if (data.Length < HeaderSize)
        {
            return null;
        }

        uint kind = BinaryPrimitives.ReadUInt32LittleEndian(data[16..]);
        if (kind != QualifiedPartition || data.Length < HeaderSize + 40)
        {
            return new BcdDevice(kind, null, null);
        }

        ReadOnlySpan<byte> partition = data[HeaderSize..];
        bool isMbr = BinaryPrimitives.ReadUInt32LittleEndian(partition[20..]) == 1;
        string disk = isMbr ? BinaryPrimitives.ReadUInt32LittleEndian(partition[24..]).ToString("x8", CultureInfo.InvariantCulture) : new Guid(partition.Slice(24, 16)).ToString("D");
        return isMbr
            ? new BcdDevice(kind, string.Create(CultureInfo.InvariantCulture, $"{disk}+{BinaryPrimitives.ReadInt64LittleEndian(partition)}"), disk)
            : new BcdDevice(kind, new Guid(partition[..16]).ToString("D"), disk);
    }

    /// <inheritdoc/>
    public override string ToString() => Partition ?? (Kind == BootDevice ? "boot" : string.Create(CultureInfo.InvariantCulture, $"kind {Kind}"));
}
