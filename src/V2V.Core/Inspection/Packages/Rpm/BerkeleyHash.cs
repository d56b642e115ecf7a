using System.Buffers.Binary;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// <c>Packages</c>, a hash of Berkeley DB, as rpm before 4.16 writes it. The buckets' order is of no interest, so that the pages
/// are read one after the other instead of by their hash (Berkeley DB's <c>dbinc/db_page.h</c>: HMETA33, PAGE, HOFFPAGE).
/// </summary>
internal static class BerkeleyHash
{
    private const uint Magic = 0x061561;
    private const int PageHeaderBytes = 26;
    private const byte MetaType = 8, UnsortedHashType = 2, HashType = 13, OverflowType = 7;
    private const byte KeyData = 1, OffPage = 3;

    /// <summary>The values of the hash.</summary>
    internal static IEnumerable<Stream> Records(DatabaseFile file)
    {
        byte[] meta = new byte[72];
        file.Read(0, meta);
        bool isBig = BinaryPrimitives.ReadUInt32BigEndian(meta.AsSpan(12)) == Magic;
        if ((!isBig && BinaryPrimitives.ReadUInt32LittleEndian(meta.AsSpan(12)) != Magic) || meta[25] != MetaType)
        {
            throw RpmErrors.Invalid(file.Path, "it is not a hash of Berkeley DB");
        }

        if (meta[24] != 0)
        {
            throw RpmErrors.Invalid(file.Path, "it is encrypted");
        }

        uint pageSize = UInt32(meta.AsSpan(20), isBig), lastPage = UInt32(meta.AsSpan(32), isBig);
        if (pageSize is < 512 or > 65536 || !uint.IsPow2(pageSize))
        {
            throw RpmErrors.Invalid(file.Path, FormattableString.Invariant($"a page size of {pageSize} bytes"));
        }

        // A database that was not closed knows fewer pages than the file has.
        long pages = Math.Max(Math.Min(lastPage, uint.MaxValue - 1) + 1L, file.Length / pageSize);
        byte[] page = new byte[pageSize];
        for (long number = 1; number < pages && (number + 1) * pageSize <= file.Length; number++)
        {
            file.Read(number * pageSize, page);
            if (page[25] is not (UnsortedHashType or HashType))
            {
                continue;
            }

            int items = UInt16(page.AsSpan(20), isBig);
            if (PageHeaderBytes + (items * 2) > page.Length)
            {
                throw RpmErrors.Invalid(file.Path, FormattableString.Invariant($"page {number} has too many items"));
            }

            // Keys and values alternate.
            for (int item = 1; item < items; item += 2)
            {
                int begin = UInt16(page.AsSpan(PageHeaderBytes + (item * 2)), isBig);
                int end = UInt16(page.AsSpan(PageHeaderBytes + ((item - 1) * 2)), isBig);
                if (begin < PageHeaderBytes || end > page.Length || begin >= end)
                {
                    throw RpmErrors.Invalid(file.Path, FormattableString.Invariant($"item {item} of page {number} lies outside of it"));
                }

                if (page[begin] == KeyData)
                {
                    yield return new MemoryStream(page[(begin + 1)..end]);
                }
                else if (page[begin] == OffPage && end - begin >= 12)
                {
                    uint first = UInt32(page.AsSpan(begin + 4), isBig), length = UInt32(page.AsSpan(begin + 8), isBig);
                    yield return Overflow(file, (int)pageSize, isBig, first, length);
                }
            }
        }
    }

    private static RecordStream Overflow(DatabaseFile file, int pageSize, bool isBig, uint first, uint length)
    {
        uint next = first;
        byte[] page = new byte[pageSize];
        return new RecordStream(length, () =>
        {
            if (next == 0)
            {
                return default;
            }

            file.Read((long)next * pageSize, page);
            int stored = UInt16(page.AsSpan(22), isBig);
            if (page[25] != OverflowType || stored == 0 || stored > pageSize - PageHeaderBytes)
            {
                throw RpmErrors.Invalid(file.Path, FormattableString.Invariant($"page {next} is not the overflow page that it should be"));
            }

            next = UInt32(page.AsSpan(16), isBig);
            return page.AsMemory(PageHeaderBytes, stored);
        });
    }

    private static uint UInt32(ReadOnlySpan<byte> at, bool isBig) => isBig ? BinaryPrimitives.ReadUInt32BigEndian(at) : BinaryPrimitives.ReadUInt32LittleEndian(at);

    private static int UInt16(ReadOnlySpan<byte> at, bool isBig) => isBig ? BinaryPrimitives.ReadUInt16BigEndian(at) : BinaryPrimitives.ReadUInt16LittleEndian(at);
}
