using System.Buffers.Binary;
using V2V.FileSystems;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// The header of an installed package: an index of tags over a store of values, big-endian, without the magic number that a
/// package file has in front (rpm's "Package format", section "Header"). Only the part of the store that is asked for is read.
/// </summary>
internal sealed class RpmHeader
{
    private const int EntryBytes = 16;
    private const int MaxEntries = 65535;
    private const int MaxStoreBytes = 256 << 20;
    private const int MaxDescriptionBytes = 4096;
    private const int TypeInt32 = 4, TypeString = 6, TypeStringArray = 8, TypeI18nString = 9;

    private static readonly RpmTag[] s_identity = [RpmTag.Name, RpmTag.Version, RpmTag.Release, RpmTag.Epoch, RpmTag.Summary, RpmTag.Arch];
    private static readonly RpmTag[] s_files = [RpmTag.DirIndexes, RpmTag.BaseNames, RpmTag.DirNames, RpmTag.OldFileNames];

    private readonly byte[] _index;
    private readonly byte[] _store;

    private RpmHeader(byte[] index, byte[] store)
    {
        _index = index;
        _store = store;
    }

    /// <summary>Reads a header; null if the record is something else (the counter under key 0).</summary>
    /// <param name="record">The record from its first byte on.</param>
    /// <param name="path">The database, for messages.</param>
    /// <param name="files">True to read the lists of files too.</param>
    internal static RpmHeader? Read(Stream record, string path, bool files)
    {
        Span<byte> lengths = stackalloc byte[8];
        if (record.Length < lengths.Length + EntryBytes)
        {
            return null;
        }

        record.ReadExactly(lengths);
        long entries = BinaryPrimitives.ReadUInt32BigEndian(lengths), storeLength = BinaryPrimitives.ReadUInt32BigEndian(lengths[4..]);
        if (entries is 0 or > MaxEntries || storeLength > MaxStoreBytes || 8 + (entries * EntryBytes) + storeLength > record.Length)
        {
            throw RpmErrors.Invalid(path, "a package's header has impossible lengths");
        }

        byte[] index = new byte[entries * EntryBytes];
        record.ReadExactly(index);
        int needed = NeededStore(index, (int)storeLength, files ? [.. s_identity, .. s_files] : s_identity);
        byte[] store = new byte[needed];
        record.ReadExactly(store);
        return new RpmHeader(index, store);
    }

    /// <summary>The package: version as <c>[epoch:]version-release</c>.</summary>
    internal ApplicationInfo? ToApplication()
    {
        if (GetString(RpmTag.Name) is not { Length: > 0 } name)
        {
            return null;
        }

        string version = $"{GetString(RpmTag.Version)}-{GetString(RpmTag.Release)}".TrimEnd('-');
        uint epoch = GetInt32s(RpmTag.Epoch).FirstOrDefault();
        return new ApplicationInfo(
            name, epoch == 0 ? version : FormattableString.Invariant($"{epoch}:{version}"), GetString(RpmTag.Arch) ?? "", GetString(RpmTag.Summary) ?? "");
    }

    /// <summary>Paths of the package's files. Only a header that was read with its files has them.</summary>
    internal IEnumerable<string> Files()
    {
        foreach (string old in GetStrings(RpmTag.OldFileNames))
        {
            yield return old;
        }

        List<string> directories = [.. GetStrings(RpmTag.DirNames)];
        using IEnumerator<uint> directory = GetInt32s(RpmTag.DirIndexes).GetEnumerator();
        foreach (string name in GetStrings(RpmTag.BaseNames))
        {
            if (directory.MoveNext() && directory.Current < directories.Count)
            {
                yield return directories[(int)directory.Current] + name;
            }
        }
    }

    /// <summary>A value ends where the next one in the store begins; the tags that name a package are at the front.</summary>
    private static int NeededStore(byte[] index, int storeLength, RpmTag[] tags)
    {
        int needed = 0;
        for (int at = 0; at < index.Length; at += EntryBytes)
        {
            if (!tags.Contains((RpmTag)BinaryPrimitives.ReadUInt32BigEndian(index.AsSpan(at))))
            {
                continue;
            }

            uint offset = BinaryPrimitives.ReadUInt32BigEndian(index.AsSpan(at + 8));
            uint end = (uint)storeLength;
            for (int other = 0; other < index.Length; other += EntryBytes)
            {
                uint begin = BinaryPrimitives.ReadUInt32BigEndian(index.AsSpan(other + 8));
                end = begin > offset && begin < end ? begin : end;
            }

            needed = Math.Max(needed, (int)end);
        }

        return needed;
    }

    private string? GetString(RpmTag tag)
    {
        string? first = GetStrings(tag).FirstOrDefault();
        return first?.Length > MaxDescriptionBytes ? first[..MaxDescriptionBytes] : first;
    }

    private IEnumerable<string> GetStrings(RpmTag tag)
    {
        if (!Find(tag, out int type, out int offset, out int count) || type is not (TypeString or TypeStringArray or TypeI18nString))
        {
            yield break;
        }

        for (int i = 0; i < count && offset < _store.Length; i++)
        {
            int length = _store.AsSpan(offset).IndexOf((byte)0);
            length = length < 0 ? _store.Length - offset : length;
            yield return GuestName.Decode(_store.AsSpan(offset, length));
            offset += length + 1;
        }
    }

    private IEnumerable<uint> GetInt32s(RpmTag tag)
    {
        if (Find(tag, out int type, out int offset, out int count) && type == TypeInt32)
        {
            for (int i = 0; i < count && offset <= _store.Length - 4; i++, offset += 4)
            {
                yield return BinaryPrimitives.ReadUInt32BigEndian(_store.AsSpan(offset));
            }
        }
    }

    private bool Find(RpmTag tag, out int type, out int offset, out int count)
    {
        for (int at = 0; at < _index.Length; at += EntryBytes)
        {
            ReadOnlySpan<byte> entry = _index.AsSpan(at, EntryBytes);
            if (BinaryPrimitives.ReadUInt32BigEndian(entry) == (uint)tag)
            {
                type = BinaryPrimitives.ReadInt32BigEndian(entry[4..]);
                offset = BinaryPrimitives.ReadInt32BigEndian(entry[8..]);
                count = BinaryPrimitives.ReadInt32BigEndian(entry[12..]);
                return offset >= 0;
            }
        }

        (type, offset, count) = (0, 0, 0);
        return false;
    }
}

/// <summary>The tags that are read (rpmtag.h's numbers).</summary>
internal enum RpmTag
{
    /// <summary>Name of the package.</summary>
    Name = 1000,

    /// <summary>Version.</summary>
    Version = 1001,

    /// <summary>Release.</summary>
    Release = 1002,

    /// <summary>Epoch, an integer.</summary>
    Epoch = 1003,

    /// <summary>One line that says what it is.</summary>
    Summary = 1004,

    /// <summary>Architecture.</summary>
    Arch = 1022,

    /// <summary>Whole paths, in packages of rpm before 4.</summary>
    OldFileNames = 1027,

    /// <summary>For each file the number of its directory.</summary>
    DirIndexes = 1116,

    /// <summary>Names of the files without their directory.</summary>
    BaseNames = 1117,

    /// <summary>Directories with a slash at the end.</summary>
    DirNames = 1118,
}
