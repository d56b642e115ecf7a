using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>The part of the file system that finds files by path.</summary>
public sealed partial class NtfsFileSystem
{
    /// <summary>A file as a path led to it.</summary>
    /// <param name="Path">The path as asked for, its last name as it is stored.</param>
    /// <param name="File">The file.</param>
    /// <param name="Parent">The directory; the root is its own.</param>
    /// <param name="Key">The directory's key; empty for the root.</param>
    private readonly record struct Node(string Path, FileRecord File, FileRecord Parent, byte[] Key);

    private Node? Find(string path) => Find(path, GuestName.SplitPath(path));

    private Node? Find(string path, ReadOnlySpan<string> components)
    {
        FileRecord root = _volume.Mft.Get(NtfsVolume.RootNumber);
        var node = new Node("/", root, root, []);
        foreach (string component in components)
        {
            if (!node.File.IsDirectory || _volume.OpenDirectory(node.File).FindName(component) is not { } entry)
            {
                return null;
            }

            node = new Node(path, _volume.Mft.Get(entry.Reference), node.File, entry.Key.ToArray());
        }

        return node.Key.Length == 0 ? node : node with { Path = string.Concat(path.AsSpan(0, path.TrimEnd('/').LastIndexOf('/') + 1), FileName.Name(node.Key)) };
    }

    private Node Get(string path) => Find(path) ?? throw NotFound(path);

    private FileRecord GetDirectory(string path)
    {
        FileRecord file = Get(path).File;
        return file.IsDirectory && file.Find(AttributeType.IndexRoot, "$I30") is not null ? file : throw GuestPathErrors.NotDirectory(path);
    }

    /// <summary>The unnamed stream of a file, or one by its name in any case.</summary>
    private NtfsAttribute? FindData(FileRecord file, string name) =>
        file.Attributes.Find(a => a.Type == AttributeType.Data && _volume.UpCase.Equal(a.Name, name));

    /// <summary>The file and stream that <c>/file:stream</c> names; the stream is null if only the file exists.</summary>
    private (Node File, string Stream, NtfsAttribute? Attribute)? FindStream(string path)
    {
        int colon = path.LastIndexOf(':');
        if (colon <= path.LastIndexOf('/') + 1 || colon == path.Length - 1 || Find(path[..colon]) is not { } node)
        {
            return null;
        }

        string stream = path[(colon + 1)..];
        return (node, stream, FindData(node.File, stream));
    }

    private (FileRecord File, NtfsAttribute Attribute) GetStream(string path)
    {
        if (Find(path) is { } node)
        {
            return !node.File.IsDirectory && FindData(node.File, "") is { } data ? (node.File, data) : throw GuestPathErrors.NotFile(path);
        }

        return FindStream(path) is (var file, _, { } attribute) ? (file.File, attribute) : throw NotFound(path);
    }
}
