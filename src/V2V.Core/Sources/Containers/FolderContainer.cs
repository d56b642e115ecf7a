using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources.Containers;

/// <summary>A plain folder. Only what is asked for is looked at, and no symbolic link leads out of the folder.</summary>
internal sealed class FolderContainer : OvaContainer
{
    private const int MaximumDepth = 8;
    private const int MaximumFolders = 10_000;

    private readonly string _real;

    /// <param name="path">Absolute path of the folder.</param>
    public FolderContainer(string path)
        : base(System.IO.Path.TrimEndingDirectorySeparator(path))
    {
        _real = RealPath(Path);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> FindByExtension(string extension)
    {
        var found = new List<string>();
        var queue = new Queue<(string Folder, int Depth)>([("", 0)]);
        int folders = 0;
        while (queue.TryDequeue(out (string Folder, int Depth) at) && ++folders <= MaximumFolders)
        {
            foreach (FileSystemInfo entry in Enumerate(at.Folder))
            {
                string name = MemberName.Combine(at.Folder, entry.Name);
                if (entry is DirectoryInfo && entry.LinkTarget is null)
                {
                    if (at.Depth < MaximumDepth)
                    {
                        queue.Enqueue((name, at.Depth + 1));
                    }
                }
                else if (entry is FileInfo && entry.Name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) && !entry.Name.StartsWith("._", StringComparison.Ordinal))
                {
                    found.Add(name);
                }
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public override StoredFile? Find(string name)
    {
        string path = System.IO.Path.GetFullPath(System.IO.Path.Combine(Path, name));
        if (!File.Exists(path))
        {
            return null;
        }

        string real = RealPath(path);
        string root = System.IO.Path.EndsInDirectorySeparator(_real) ? _real : _real + System.IO.Path.DirectorySeparatorChar;
        if (!real.StartsWith(root, OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
        {
            throw new V2VException(
                "OvfHrefOutside",
                V2VErrorKind.InvalidArgument,
                $"'{name}' is a link that leads out of the machine's folder.",
                path,
                "If you trust the machine, replace the link by the file itself.");
        }

        return new StoredFile(name, real, null, 0, LengthOf(real));
    }

    /// <inheritdoc/>
    public override IEnumerable<string> List(string folder) =>
        Enumerate(folder).OfType<FileInfo>().Select(f => MemberName.Combine(folder, f.Name));

    /// <inheritdoc/>
    public override IImageFileResolver GetResolver(string imageName)
    {
        string image = RealPath(System.IO.Path.GetFullPath(System.IO.Path.Combine(Path, imageName)));
        return new HostFileResolver(System.IO.Path.GetDirectoryName(image)!, allowAbsolute: false);
    }

    /// <summary>The path with every symbolic link on the way resolved.</summary>
    internal static string RealPath(string path)
    {
        string current = System.IO.Path.GetFullPath(path);
        for (int i = 0; i < 64; i++)
        {
            if (FindLink(current) is not { } link)
            {
                return current;
            }

            FileSystemInfo info = Directory.Exists(link) ? new DirectoryInfo(link) : new FileInfo(link);
            string target = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(link)!, info.LinkTarget!);
            current = System.IO.Path.GetFullPath(target + current[link.Length..]);
        }

        throw new V2VException("HostFileFailed", V2VErrorKind.HostIo, "Too many symbolic links lead to the file.", path, "Name the file without links.");
    }

    private static string? FindLink(string path)
    {
        string root = System.IO.Path.GetPathRoot(path)!;
        for (int end = root.Length; end < path.Length;)
        {
            int next = path.IndexOf(System.IO.Path.DirectorySeparatorChar, end);
            end = next < 0 ? path.Length : next;
            string part = path[..end];
            if (new FileInfo(part).LinkTarget is not null)
            {
                return part;
            }

            end++;
        }

        return null;
    }

    private static long LengthOf(string path)
    {
        using FileDevice device = FileDevice.Open(path);
        return device.Length;
    }

    private List<FileSystemInfo> Enumerate(string folder)
    {
        try
        {
            return new DirectoryInfo(System.IO.Path.Combine(Path, folder))
                .EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = true })
                .OrderBy(e => e.Name, StringComparer.Ordinal)
                .ToList();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
