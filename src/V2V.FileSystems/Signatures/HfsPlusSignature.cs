using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.FileSystems.Signatures;

/// <summary>HFS Plus and HFSX, also inside an HFS wrapper. The UUID is a hash of the Finder's volume identifier (RFC 4122, version 3).</summary>
internal static class HfsPlusSignature
{
    private static ReadOnlySpan<byte> Namespace =>
        [0xB3, 0xE2, 0x0F, 0x39, 0xF2, 0x92, 0x11, 0xD6, 0x97, 0xA4, 0x00, 0x30, 0x65, 0x43, 0xEC, 0xAC];

    public static VolumeSignature HfsPlus(SignatureReader reader)
    {
        long start = 0;
        ReadOnlySpan<byte> header = reader.Bytes(1024, 512);
        if (header.StartsWith("BD"u8) && header[0x7C..].StartsWith("H+"u8))
        {
            uint wrapperBlock = BinaryPrimitives.ReadUInt32BigEndian(header[20..]);
            start = (BinaryPrimitives.ReadUInt16BigEndian(header[28..]) * 512L) + (BinaryPrimitives.ReadUInt16BigEndian(header[0x7E..]) * (long)wrapperBlock);
            header = reader.Bytes(start + 1024, 512);
        }

        if (!header.StartsWith("H+"u8) && !header.StartsWith("HX"u8))
        {
            return default;
        }

        return new VolumeSignature("hfsplus", VolumeUuid(header.Slice(104, 8)), VolumeName(reader, start, header));
    }

    private static string? VolumeUuid(ReadOnlySpan<byte> id)
    {
        if (!id.ContainsAnyExcept((byte)0))
        {
            return null;
        }

        Span<byte> input = stackalloc byte[24];
        Namespace.CopyTo(input);
        id.CopyTo(input[16..]);
        byte[] hash = MD5.HashData(input);
        hash[6] = (byte)(0x30 | (hash[6] & 0x0F));
        hash[8] = (byte)(0x80 | (hash[8] & 0x3F));
        return SignatureReader.Uuid(hash);
    }

    /// <summary>The key of the catalog's first leaf record is the root folder's name.</summary>
    private static string? VolumeName(SignatureReader reader, long start, ReadOnlySpan<byte> header)
    {
        uint blockSize = BinaryPrimitives.ReadUInt32BigEndian(header[40..]);
        if (blockSize is < 512 or > (1 << 20))
        {
            return null;
        }

        ReadOnlySpan<byte> extents = header.Slice(0x120, 64);
        ReadOnlySpan<byte> treeHeader = reader.Bytes(start + (BinaryPrimitives.ReadUInt32BigEndian(extents) * (long)blockSize), 120);
        if (treeHeader.IsEmpty)
        {
            return null;
        }

        ushort nodeSize = BinaryPrimitives.ReadUInt16BigEndian(treeHeader[32..]);
        long leaf = BinaryPrimitives.ReadUInt32BigEndian(treeHeader[24..]) * (long)nodeSize;
        for (; extents.Length >= 8; extents = extents[8..])
        {
            long length = BinaryPrimitives.ReadUInt32BigEndian(extents[4..]) * (long)blockSize;
            if (leaf < length)
            {
                long node = start + (BinaryPrimitives.ReadUInt32BigEndian(extents) * (long)blockSize) + leaf;
                return NameInLeaf(reader.Bytes(node, 14 + 8 + 512));
            }

            leaf -= length;
        }

        return null;
    }

    private static string? NameInLeaf(ReadOnlySpan<byte> node)
    {
        if (node.IsEmpty || node[8] != 0xFF || BinaryPrimitives.ReadUInt32BigEndian(node[16..]) != 1)
        {
            return null;
        }

        int units = BinaryPrimitives.ReadUInt16BigEndian(node[20..]);
        return units <= 255 ? SignatureReader.Label16(node.Slice(22, units * 2), bigEndian: true) : null;
    }
}
