using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers.Library;

/// <summary>
/// The virtio drivers that the user has: a folder of the host, or an ISO file (ISO 9660 or UDF). Paths are relative, <c>/</c>-separated, and
/// know no case. Only the list of files is read at first.
/// </summary>
internal abstract class DriverLibrary : IDisposable
{
    /// <summary>Most files that a library may have; the whole of virtio-win has 2,000.</summary>
    internal const int MaxFiles = 200_000;

    /// <summary>Deepest folder that is looked into.</summary>
    internal const int MaxDepth = 24;

    private readonly Dictionary<string, string> _files = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="name">The path that the user gave.</param>
    protected DriverLibrary(string name) => Name = name;

    /// <summary>The path that the user gave.</summary>
    internal string Name { get; }

    /// <summary>Every file, as it is written.</summary>
    internal IReadOnlyCollection<string> Files => _files.Values;

    /// <summary>Opens a library.</summary>
    /// <param name="path">A folder or a file of the host.</param>
    /// <exception cref="V2VException"><c>DriverLibraryMissing</c>, <c>DriverLibraryUnknown</c>, <c>DriverLibraryTooLarge</c>, <c>HostAccessDenied</c>, <c>HostIoError</c>, or what is wrong with the image.</exception>
    internal static DriverLibrary Open(string path)
    {
        if (Directory.Exists(path))
        {
            return new FolderLibrary(path);
        }

        return File.Exists(path)
            ? ImageLibrary.Open(path)
            : throw new V2VException("DriverLibraryMissing", V2VErrorKind.NotFound, $"There is no folder and no ISO file {path} with virtio drivers.", path, "Give the path of virtio-win's ISO file, or of the folder that its files are in.");
    }

    /// <summary>The file at a path as it is written, or null if there is none.</summary>
    internal string? Find(string path) => _files.GetValueOrDefault(path);

    /// <summary>Opens a file for reading.</summary>
    /// <param name="path">One of <see cref="Files"/>.</param>
    internal abstract Stream OpenRead(string path);

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="V2VException"><c>DriverLibraryTooLarge</c>: it has more than <paramref name="maxBytes"/>.</exception>
    internal byte[] ReadAllBytes(string path, int maxBytes)
    {
        using Stream stream = OpenRead(path);
        if (stream.Length > maxBytes)
        {
            throw TooLarge(path, FormattableString.Invariant($"it has more than {maxBytes} bytes"));
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    /// <summary>Reads the first bytes of a file, or all if there are fewer.</summary>
    internal byte[] ReadHead(string path, int length)
    {
        using Stream stream = OpenRead(path);
        byte[] head = new byte[length];
        return head[..stream.ReadAtLeast(head, length, throwOnEndOfStream: false)];
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Adds a file to the list. Of names that differ in case only the first stays.</summary>
    protected void Add(string path)
    {
        if (_files.Count >= MaxFiles)
        {
            throw TooLarge(Name, FormattableString.Invariant($"it has more than {MaxFiles} files"));
        }

        _files.TryAdd(path, path);
    }

    protected static V2VException TooLarge(string path, string why) =>
        new("DriverLibraryTooLarge", V2VErrorKind.Limit, $"{path} cannot be used for virtio drivers: {why}.", path, "Give the path of virtio-win's ISO file, or of the folder that its files are in.");
}
