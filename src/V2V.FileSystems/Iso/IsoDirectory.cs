using System.Text;

namespace V2V.FileSystems.Iso;

/// <summary>The records of a directory (ECMA-119 6.8): they do not cross sectors; what remains of a sector is zero.</summary>
internal sealed class IsoDirectory
{
    private const int SectorSize = 2048;

    /// <summary>Largest directory that is read, in bytes: some 70,000 names.</summary>
    private const int MaxLength = 8 << 20;

    private readonly Dictionary<string, IsoNode> _byName;

    private IsoDirectory(List<IsoNode> nodes, bool ignoresCase)
    {
        Nodes = nodes;
        _byName = new Dictionary<string, IsoNode>(nodes.Count, ignoresCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        foreach (IsoNode node in nodes)
        {
            _byName.TryAdd(node.Name, node);
        }
    }

    /// <summary>What is in it, without itself and the one above.</summary>
    public IReadOnlyList<IsoNode> Nodes { get; }

    /// <summary>Reads a directory.</summary>
    /// <exception cref="Storage.V2VException"><c>IsoDirectoryCorrupt</c>, <c>IsoFileCorrupt</c>.</exception>
    public static IsoDirectory Read(IsoVolume volume, long block, string path)
    {
        byte[] content = ReadContent(volume, block, path);
        var nodes = new List<IsoNode>();
        var extents = new List<IsoRecord>();
        for (int at = 0; at < content.Length;)
        {
            int length = content[at];
            if (length == 0)
            {
                at = (at / SectorSize * SectorSize) + SectorSize;
                continue;
            }

            if (length > content.Length - at || IsoRecord.TryParse(content.AsSpan(at, length)) is not { } record)
            {
                throw IsoErrors.Directory(path, FormattableString.Invariant($"the record at byte {at} is none"));
            }

            at += length;
            if (record.IsDot || record.IsAssociated)
            {
                continue;
            }

            extents.Add(record);
            if (!record.HasMoreExtents)
            {
                Add(volume, nodes, extents);
                extents = [];
            }
        }

        return extents.Count == 0 ? new IsoDirectory(nodes, !volume.SystemUse.IsRockRidge) : throw IsoErrors.Directory(path, "it ends before the last extent of a file");
    }

    public IsoNode? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The size stands in the directory's own first record; where it was found does not matter, because a moved directory has none there.</summary>
    private static byte[] ReadContent(IsoVolume volume, long block, string path)
    {
        byte[] head = new byte[IsoRecord.MinLength];
        volume.Read(block, 0, head, path);
        if (IsoRecord.TryParse(head) is not { Name: [0] } self || self.Length is 0 or > MaxLength)
        {
            throw IsoErrors.Directory(path, "its first record is not itself");
        }

        byte[] content = new byte[self.Length];
        volume.Read(block, 0, content, path);
        return content;
    }

    private static void Add(IsoVolume volume, List<IsoNode> nodes, List<IsoRecord> extents)
    {
        RockRidge? rock = volume.SystemUse.IsRockRidge ? RockRidge.Read(volume, extents[0]) : null;
        string name = rock?.Name is { Length: > 0 } given ? GuestName.Decode(given) : PlainName(extents[0], volume.IsJoliet);

        // A moved directory is listed where it was; a name that would break a path cannot be reached.
        if (rock?.IsRelocated != true && name.Length > 0 && name is not ("." or "..") && !name.AsSpan().ContainsAny('/', '\0'))
        {
            nodes.Add(new IsoNode(name, extents, rock));
        }
    }

    /// <summary>The name without its version, and without the dot of an empty extension (ECMA-119 7.5.1).</summary>
    private static string PlainName(IsoRecord record, bool isJoliet)
    {
        string name = isJoliet ? Encoding.BigEndianUnicode.GetString(record.Name) : Encoding.Latin1.GetString(record.Name);
        int version = name.LastIndexOf(';');
        if (version >= 0 && !name.AsSpan(version + 1).ContainsAnyExceptInRange('0', '9'))
        {
            name = name[..version];
        }

        return !isJoliet && !record.IsDirectory && name.Length > 1 && name[^1] == '.' ? name[..^1] : name;
    }
}
