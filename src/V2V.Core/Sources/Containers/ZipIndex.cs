using System.Buffers.Binary;
using System.Text;
using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>Reads the central directory of a zip (APPNOTE 6.3, sections 4.3.12 to 4.3.16), with ZIP64, so that stored members can be read where they lie.</summary>
internal static class ZipIndex
{
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint Locator64Signature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;
    private const int EndSize = 22;
    private const int LocatorSize = 20;
    private const int EntrySize = 46;
    private const int LocalSize = 30;
    private const int MaximumComment = 65535;
    private const int MaximumDirectory = 64 << 20;
    private const int MaximumMembers = 100_000;

    /// <summary>Method: stored.</summary>
    public const int Stored = 0;

    /// <summary>Method: deflate.</summary>
    public const int Deflate = 8;

    /// <summary>True if a file begins as a zip.</summary>
    public static bool IsZip(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(start) is LocalSignature or EndSignature or 0x08074b50;

    /// <summary>Lists the members. Their offsets are those of the local headers: see <see cref="FindData"/>.</summary>
    /// <exception cref="V2VException"><c>ZipInvalid</c>, <c>ZipLimit</c>, <c>ZipSpanned</c>.</exception>
    public static List<ArchiveMember> Read(BlockDevice device, string path)
    {
        (long offset, long size, long count) = FindDirectory(device, path);
        if (size > MaximumDirectory || count > MaximumMembers)
        {
            throw new V2VException(
                "ZipLimit", V2VErrorKind.Limit, FormattableString.Invariant($"The archive has {count} members with an index of {size} bytes."), path, "Take out what does not belong to the machine.");
        }

        if (offset < 0 || size < 0 || offset > device.Length - size)
        {
            throw Invalid("its index lies outside the file", path);
        }

        var directory = new byte[(int)size];
        device.Read(offset, directory);
        var members = new List<ArchiveMember>();
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < count; i++)
        {
            if (rest.Length < EntrySize || BinaryPrimitives.ReadUInt32LittleEndian(rest) != EntrySignature)
            {
                throw Invalid("its index is damaged", path);
            }

            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[28..]);
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[30..]);
            int total = EntrySize + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(rest[32..]);
            if (rest.Length < total)
            {
                throw Invalid("its index is damaged", path);
            }

            ArchiveMember member = ReadEntry(rest, nameLength, extraLength, path);
            if (!member.Name.EndsWith('/'))
            {
                members.Add(member);
            }

            rest = rest[total..];
        }

        return members;
    }

    /// <summary>The first byte of a member's contents, after its local header.</summary>
    /// <exception cref="V2VException"><c>ZipInvalid</c>.</exception>
    public static long FindData(BlockDevice device, ArchiveMember member, string path)
    {
        if (member.Offset < 0 || member.Offset > device.Length - LocalSize)
        {
            throw Invalid($"the header of '{member.Name}' lies outside the file", path);
        }

        Span<byte> header = stackalloc byte[LocalSize];
        device.Read(member.Offset, header);
        long data = member.Offset + LocalSize + BinaryPrimitives.ReadUInt16LittleEndian(header[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalSignature || member.StoredLength < 0 || data > device.Length - member.StoredLength)
        {
            throw Invalid($"the header of '{member.Name}' is damaged", path);
        }

        return data;
    }

    private static ArchiveMember ReadEntry(ReadOnlySpan<byte> entry, int nameLength, int extraLength, string path)
    {
        int flags = BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]);
        int method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        long stored = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        string name = Encoding.UTF8.GetString(entry.Slice(EntrySize, nameLength)).Replace('\\', '/');
        ReadOnlySpan<byte> extra = entry.Slice(EntrySize + nameLength, extraLength);
        while (extra.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(extra);
            int size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4)
            {
                break;
            }

            if (id == 1)
            {
                // ZIP64: only those fields that did not fit are here, in this order (4.5.3).
                ReadOnlySpan<byte> wide = extra.Slice(4, size);
                length = Widen(length, ref wide, path);
                stored = Widen(stored, ref wide, path);
                offset = Widen(offset, ref wide, path);
            }

            extra = extra[(4 + size)..];
        }

        // The upper half of the external attributes is the Unix mode where the archive was made on Unix; a link's contents are its target.
        bool isLink = entry[5] == 3 && (BinaryPrimitives.ReadUInt16LittleEndian(entry[40..]) & 0xF000) == 0xA000;
        string? problem =
            (flags & 1) != 0 ? "encrypted"
            : isLink ? "a link"
            : method is not (Stored or Deflate) ? FormattableString.Invariant($"compressed by method {method}")
            : method == Stored && stored != length ? "stored with two different lengths"
            : null;
        return new ArchiveMember(name, offset, stored, length, method, problem);
    }

    private static long Widen(long value, ref ReadOnlySpan<byte> wide, string path)
    {
        if (value != uint.MaxValue)
        {
            return value;
        }

        if (wide.Length < 8 || BinaryPrimitives.ReadInt64LittleEndian(wide) is < 0)
        {
            throw Invalid("its index is damaged", path);
        }

        value = BinaryPrimitives.ReadInt64LittleEndian(wide);
        wide = wide[8..];
        return value;
    }

    private static (long Offset, long Size, long Count) FindDirectory(BlockDevice device, string path)
    {
        int tailLength = (int)Math.Min(device.Length, EndSize + MaximumComment);
        var tail = new byte[tailLength];
        device.Read(device.Length - tailLength, tail);
        for (int at = tailLength - EndSize; at >= 0; at--)
        {
            ReadOnlySpan<byte> end = tail.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != EndSignature || BinaryPrimitives.ReadUInt16LittleEndian(end[20..]) > end.Length - EndSize)
            {
                continue;
            }

            int disk = BinaryPrimitives.ReadUInt16LittleEndian(end[4..]);
            if (disk is not (0 or 0xFFFF))
            {
                throw V2VException.Unsupported("ZipSpanned", "The archive is split over several files.", path, "Put it together first.");
            }

            long endOffset = device.Length - tailLength + at;
            return FindDirectory64(device, endOffset, path)
                ?? (BinaryPrimitives.ReadUInt32LittleEndian(end[16..]), BinaryPrimitives.ReadUInt32LittleEndian(end[12..]), BinaryPrimitives.ReadUInt16LittleEndian(end[10..]));
        }

        throw Invalid("it has no index at its end", path);
    }

    private static (long Offset, long Size, long Count)? FindDirectory64(BlockDevice device, long endOffset, string path)
    {
        if (endOffset < LocatorSize)
        {
            return null;
        }

        Span<byte> locator = stackalloc byte[LocatorSize];
        device.Read(endOffset - LocatorSize, locator);
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Locator64Signature)
        {
            return null;
        }

        long at = BinaryPrimitives.ReadInt64LittleEndian(locator[8..]);
        Span<byte> end = stackalloc byte[56];
        if (at < 0 || at > device.Length - end.Length)
        {
            throw Invalid("its index lies outside the file", path);
        }

        device.Read(at, end);
        if (BinaryPrimitives.ReadUInt32LittleEndian(end) != End64Signature || BinaryPrimitives.ReadInt64LittleEndian(end[32..]) < 0)
        {
            throw Invalid("its index is damaged", path);
        }

        return (BinaryPrimitives.ReadInt64LittleEndian(end[48..]), BinaryPrimitives.ReadInt64LittleEndian(end[40..]), BinaryPrimitives.ReadInt64LittleEndian(end[32..]));
    }

    private static V2VException Invalid(string what, string path) => V2VException.Corrupt("ZipInvalid", $"The zip archive cannot be read: {what}.", path);
}
