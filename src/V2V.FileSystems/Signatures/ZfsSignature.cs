using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace V2V.FileSystems.Signatures;

/// <summary>A member of a ZFS pool: the vdev labels and the XDR name-value list in them.</summary>
internal static class ZfsSignature
{
    private const int LabelLength = 256 << 10;
    private const ulong UberblockMagic = 0x00BAB10C;
    private const int WantedUberblocks = 4;

    public static VolumeSignature Zfs(SignatureReader reader)
    {
        long end = reader.Length / LabelLength * LabelLength;
        foreach (long label in (ReadOnlySpan<long>)[0, LabelLength, end - (2 * LabelLength), end - LabelLength])
        {
            if (CountUberblocks(reader.Bytes(label + (128 << 10), 128 << 10)) >= WantedUberblocks)
            {
                (string? guid, string? name) = ReadPool(reader.Bytes(label + (16 << 10), 112 << 10));
                return new VolumeSignature("zfs_member", guid, name);
            }
        }

        return default;
    }

    private static int CountUberblocks(ReadOnlySpan<byte> ring)
    {
        int count = 0;
        for (; ring.Length >= 1024; ring = ring[1024..])
        {
            ulong magic = BinaryPrimitives.ReadUInt64LittleEndian(ring);
            count += magic == UberblockMagic || BinaryPrimitives.ReverseEndianness(magic) == UberblockMagic ? 1 : 0;
        }

        return count;
    }

    private static (string? Guid, string? Name) ReadPool(ReadOnlySpan<byte> list)
    {
        string? guid = null;
        string? name = null;
        ReadOnlySpan<byte> rest = list.IsEmpty ? default : list[12..];
        while (rest.Length >= 12)
        {
            int size = BinaryPrimitives.ReadInt32BigEndian(rest);
            int nameLength = BinaryPrimitives.ReadInt32BigEndian(rest[8..]);
            if (size < 24 || size > rest.Length || nameLength < 0 || nameLength > size - 24)
            {
                break;
            }

            string key = Encoding.Latin1.GetString(rest.Slice(12, nameLength));
            int at = 12 + ((nameLength + 3) & ~3);
            if (at + 12 <= size)
            {
                int type = BinaryPrimitives.ReadInt32BigEndian(rest[at..]);
                ReadOnlySpan<byte> value = rest[(at + 8)..size];
                if (type == 8 && key == "pool_guid" && value.Length >= 8)
                {
                    guid = BinaryPrimitives.ReadUInt64BigEndian(value).ToString(CultureInfo.InvariantCulture);
                }
                else if (type == 9 && key == "name" && BinaryPrimitives.ReadInt32BigEndian(value) is var length && length >= 0 && length <= value.Length - 4)
                {
                    name = SignatureReader.Label(value.Slice(4, length));
                }
            }

            rest = rest[size..];
        }

        return (guid, name);
    }
}
