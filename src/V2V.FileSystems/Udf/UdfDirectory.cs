namespace V2V.FileSystems.Udf;

/// <summary>The file identifiers of a directory (ECMA-167 4/14.4).</summary>
internal sealed class UdfDirectory
{
    private const int HeadLength = 38;
    private const byte DirectoryFlag = 0x2;
    private const byte DeletedFlag = 0x4;
    private const byte ParentFlag = 0x8;

    /// <summary>Largest directory that is read, in bytes: some 200,000 names.</summary>
    private const int MaxLength = 16 << 20;

    private readonly Dictionary<string, Name> _byName = new(StringComparer.Ordinal);

    private UdfDirectory(List<Name> names)
    {
        Names = names;
        foreach (Name name in names)
        {
            _byName.TryAdd(name.Text, name);
        }
    }

    /// <summary>The names in it, without deleted ones and the one for the directory above.</summary>
    public IReadOnlyList<Name> Names { get; }

    /// <exception cref="Storage.V2VException"><c>UdfDirectoryCorrupt</c>, <c>UdfFileCorrupt</c>.</exception>
    public static UdfDirectory Read(UdfVolume volume, UdfFile file, string path)
    {
        if (file.Length > MaxLength)
        {
            throw UdfErrors.Directory(path, FormattableString.Invariant($"it is longer than {MaxLength} bytes"));
        }

        byte[] content = new byte[file.Length];
        using (var stream = new UdfFileStream(volume, file, path))
        {
            stream.ReadExactly(content);
        }

        var names = new List<Name>();
        for (int at = 0; at < content.Length;)
        {
            ReadOnlySpan<byte> raw = content.AsSpan(at);
            if (raw.Length < HeadLength || Le.U16(raw, 0) != UdfTag.FileIdentifier || UdfTag.Identify(raw, Le.U32(raw, 12)) != UdfTag.FileIdentifier)
            {
                throw UdfErrors.Directory(path, FormattableString.Invariant($"the identifier at byte {at} is none"));
            }

            int nameLength = raw[19], use = Le.U16(raw, 36), length = (HeadLength + use + nameLength + 3) & ~3;
            if (HeadLength + use + nameLength > raw.Length)
            {
                throw UdfErrors.Directory(path, FormattableString.Invariant($"the identifier at byte {at} is longer than the directory"));
            }

            byte flags = raw[18];
            string text = OstaText.Decode(raw.Slice(HeadLength + use, nameLength));

            // A name that would break a path cannot be reached.
            if ((flags & (DeletedFlag | ParentFlag)) == 0 && text.Length > 0 && text is not ("." or "..") && !text.AsSpan().ContainsAny('/', '\0'))
            {
                names.Add(new Name(text, (flags & DirectoryFlag) != 0, UdfExtent.Long(raw[20..]).Address));
            }

            at += length;
        }

        return new UdfDirectory(names);
    }

    public Name? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>A name.</summary>
    /// <param name="Text">The name.</param>
    /// <param name="IsDirectory">True for a directory.</param>
    /// <param name="Address">Where the file's entry is.</param>
    internal sealed record Name(string Text, bool IsDirectory, UdfAddress Address);
}
