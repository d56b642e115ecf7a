using System.Buffers.Binary;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// <c>Packages.db</c>, rpm's own "ndb" of SUSE: pages of slots, each of which says where a package's blob is
/// (rpm's <c>lib/backend/ndb/rpmpkg.c</c>: file header, slot and blob headers, little-endian, in blocks of 16 bytes).
/// </summary>
internal static class NdbPackages
{
    private const uint FileMagic = 'R' | ('p' << 8) | ('m' << 16) | ((uint)'P' << 24);
    private const uint SlotMagic = 'S' | ('l' << 8) | ('o' << 16) | ((uint)'t' << 24);
    private const uint BlobMagic = 'B' | ('l' << 8) | ('b' << 16) | ((uint)'S' << 24);
    private const int HeaderBytes = 32, SlotBytes = 16, BlockBytes = 16, BlobHeaderBytes = 16, PageBytes = 4096;

    /// <summary>The packages' headers.</summary>
    internal static IEnumerable<Stream> Records(DatabaseFile file)
    {
        byte[] header = new byte[HeaderBytes];
        file.Read(0, header);
        uint slotPages = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != FileMagic || BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)) != 0)
        {
            throw RpmErrors.Invalid(file.Path, "it is not an ndb of version 0");
        }

        byte[] page = new byte[PageBytes];
        for (long number = 0; number < slotPages; number++)
        {
            file.Read(number * PageBytes, page);
            for (int at = number == 0 ? HeaderBytes : 0; at < PageBytes; at += SlotBytes)
            {
                ReadOnlySpan<byte> slot = page.AsSpan(at, SlotBytes);
                if (BinaryPrimitives.ReadUInt32LittleEndian(slot) != SlotMagic)
                {
                    throw RpmErrors.Invalid(file.Path, FormattableString.Invariant($"slot page {number} is overwritten"));
                }

                // An unused slot points to block 0.
                uint block = BinaryPrimitives.ReadUInt32LittleEndian(slot[8..]);
                if (block != 0)
                {
                    uint package = BinaryPrimitives.ReadUInt32LittleEndian(slot[4..]);
                    uint blocks = BinaryPrimitives.ReadUInt32LittleEndian(slot[12..]);
                    yield return Blob(file, package, (long)block * BlockBytes, (long)blocks * BlockBytes);
                }
            }
        }
    }

    private static RecordStream Blob(DatabaseFile file, uint package, long offset, long space)
    {
        Span<byte> header = stackalloc byte[BlobHeaderBytes];
        file.Read(offset, header);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != BlobMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != package || length > space - BlobHeaderBytes)
        {
            throw RpmErrors.Invalid(file.Path, FormattableString.Invariant($"the record of package {package} is overwritten"));
        }

        long at = offset + BlobHeaderBytes, end = at + length;
        byte[] piece = new byte[PageBytes];
        return new RecordStream(length, () =>
        {
            int step = (int)Math.Min(piece.Length, end - at);
            file.Read(at, piece.AsSpan(0, step));
            at += step;
            return piece.AsMemory(0, step);
        });
    }
}
