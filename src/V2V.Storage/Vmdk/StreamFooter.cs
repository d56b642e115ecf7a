using System.Buffers.Binary;

namespace V2V.Storage.Vmdk;

/// <summary>
/// The end of a stream-optimized extent (VMware Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents"): a footer
/// marker, the footer (the header again, now with the directory's place), an end-of-stream marker. A marker is one sector:
/// 0 number of sectors that follow, 8 zero, 12 type.
/// </summary>
internal static class StreamFooter
{
    private const uint FooterMarker = 3;

    /// <summary>How far from the end the footer is looked for: some tools pad the file.</summary>
    private const int SearchedSectors = 2048;

    public static SparseHeader Read(BlockDevice file, SparseHeader header, string name)
    {
        long sectors = file.Length / SparseHeader.SectorSize;
        Span<byte> pair = stackalloc byte[2 * SparseHeader.SectorSize];
        for (long at = sectors - 3; at >= Math.Max(0, sectors - SearchedSectors); at--)
        {
            file.Read(at * SparseHeader.SectorSize, pair);
            ReadOnlySpan<byte> footer = pair[SparseHeader.SectorSize..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(pair[12..]) != FooterMarker
                || BinaryPrimitives.ReadUInt32LittleEndian(pair[8..]) != 0
                || !SparseHeader.HasMagic(footer))
            {
                continue;
            }

            SparseHeader found = SparseHeader.Parse(footer, name);
            if (found.IsDirectoryAtEnd || found.Capacity != header.Capacity || found.GrainSectors != header.GrainSectors)
            {
                throw V2VException.Corrupt("VmdkFooterInvalid", "The footer of the stream-optimized VMDK contradicts its header.", name);
            }

            return found with { DescriptorOffset = header.DescriptorOffset, DescriptorSize = header.DescriptorSize };
        }

        throw V2VException.Corrupt("VmdkFooterMissing", "The stream-optimized VMDK has no footer, so its end is missing or damaged.", name);
    }
}
