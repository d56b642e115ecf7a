using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Guest;

/// <summary>
/// The guest's file systems assembled at their mount points: one path namespace in which symbolic links lead where they would lead
/// in the running guest. Links are followed on the way to a file and, unless a member says otherwise, at its end.
/// Not thread-safe. The file systems belong to <see cref="GuestDisks"/> or whoever made them.
/// </summary>
public sealed partial class GuestTree
{
    /// <summary>Largest number of paths that <see cref="Glob"/> returns.</summary>
    public const int MaxMatches = 65536;

    private readonly Dictionary<string, GuestMount> _mounts = new(StringComparer.Ordinal);
    private readonly GuestPathResolver _resolver;

    /// <param name="root">The root file system.</param>
    /// <param name="others">Further file systems; each mount point is resolved in the tree made so far.</param>
    public GuestTree(GuestMount root, params IEnumerable<GuestMount> others)
    {
        _mounts.Add("/", root with { MountPoint = "/" });
        _resolver = new GuestPathResolver(_mounts);
        foreach (GuestMount mount in others)
        {
            string point = ResolvePath(mount.MountPoint) ?? GuestPath.Normalize(mount.MountPoint);
            _mounts[point] = mount with { MountPoint = point };
            _resolver.Forget();
        }

        Mounts = [.. _mounts.Values.OrderBy(m => m.MountPoint, StringComparer.Ordinal)];
    }

    /// <summary>Opens the file systems of <paramref name="mounts"/> and puts them together.</summary>
    /// <param name="disks">The guest's disks, or the overlays that stand for them.</param>
    /// <param name="mounts">Mounts as the inspection found them; one of them is <c>/</c>.</param>
    /// <param name="writable">True to open them for writing, which replays dirty journals into the disks.</param>
    /// <exception cref="V2VException"><c>GuestRootMissing</c>, <c>GuestVolumeMissing</c>, or a file system's own error.</exception>
    public static GuestTree Mount(GuestDisks disks, IReadOnlyList<MountInfo> mounts, bool writable)
    {
        ArgumentNullException.ThrowIfNull(disks);
        ArgumentNullException.ThrowIfNull(mounts);
        List<GuestMount> opened = [.. mounts.OrderBy(m => m.MountPoint.Length).ThenBy(m => m.MountPoint, StringComparer.Ordinal)
            .Select(m => new GuestMount(m.MountPoint, disks.OpenFileSystem(m.Device, writable).GetMount(m.Options), m))];
        if (opened.Count == 0 || opened[0].MountPoint != "/")
        {
            throw new V2VException("GuestRootMissing", V2VErrorKind.InvalidArgument, "The guest's tree needs a root file system.",
                advice: "Inspect the machine again and choose a root with -Root.");
        }

        return new GuestTree(opened[0], opened.Skip(1));
    }

    /// <summary>The mounts, ordered by mount point, so that a directory comes before what is mounted below it.</summary>
    public IReadOnlyList<GuestMount> Mounts { get; }

    /// <summary>The entry at a path, or null if it does not exist (or its links lead nowhere or in a circle).
    /// Its <see cref="FileEntry.Path"/> is the real path in the tree.</summary>
    public FileEntry? TryGetEntry(string path, bool followLinks = true)
    {
        GuestPathResolver.Resolution found = _resolver.Resolve(path, followLinks);
        return found.Entry is { } entry ? entry with { Path = found.Location!.Value.TreePath } : null;
    }

    /// <summary>True if the path leads to a file of any type, links followed.</summary>
    public bool Exists(string path) => _resolver.Resolve(path, true).Entry is not null;

    /// <summary>True if the path leads to a regular file.</summary>
    public bool FileExists(string path) => _resolver.Resolve(path, true).Entry is { Type: GuestFileType.File };

    /// <summary>True if the path leads to a directory.</summary>
    public bool DirectoryExists(string path) => _resolver.Resolve(path, true).Entry is { IsDirectory: true };

    /// <summary>The real path that a path leads to, free of links, or null if it does not exist.</summary>
    public string? ResolvePath(string path) =>
        _resolver.Resolve(path, true) is { Entry: not null, Location: { } location } ? location.TreePath : null;

    /// <summary>The mount and the path in its file system that a path leads to; also for a file that does not exist in a directory that does.</summary>
    /// <exception cref="V2VException"><c>GuestFileNotFound</c> if a directory on the way is missing, <c>GuestLinkLoop</c>.</exception>
    public GuestLocation Locate(string path, bool followLinks = true)
    {
        GuestPathResolver.Resolution found = _resolver.Resolve(path, followLinks);
        return found.IsLinkLoop ? throw GuestPathResolver.LinkLoop(path) : found.Location ?? throw NotFound(path);
    }

    /// <summary>The names in a directory in stored order. What is mounted there shows as a directory, as its mount point does.</summary>
    public IEnumerable<DirectoryEntry> EnumerateDirectory(string path)
    {
        GuestLocation location = Existing(path, true);
        return location.FileSystem.EnumerateDirectory(location.InnerPath);
    }

    /// <summary>Opens a regular file: a seekable stream.</summary>
    public Stream OpenRead(string path)
    {
        GuestLocation location = Existing(path, true);
        return location.FileSystem.OpenRead(location.InnerPath);
    }

    /// <summary>Reads a whole regular file; a larger one is refused with <c>GuestFileTooLarge</c>.</summary>
    public byte[] ReadAllBytes(string path, int maxBytes = 64 << 20)
    {
        GuestLocation location = Existing(path, true);
        return location.FileSystem.ReadAllBytes(location.InnerPath, maxBytes);
    }

    /// <summary>Reads a text file as <see cref="GuestText"/> decodes it; a larger one is refused with <c>GuestFileTooLarge</c>.</summary>
    public string ReadAllText(string path, int maxBytes = 1 << 20) => GuestText.Decode(ReadAllBytes(path, maxBytes));

    /// <summary>The lines of a text file without their line ends.</summary>
    public IEnumerable<string> ReadLines(string path, int maxBytes = 1 << 20) => GuestText.SplitLines(ReadAllText(path, maxBytes));

    /// <summary>The target of a symbolic link, as stored.</summary>
    public string ReadLink(string path)
    {
        GuestLocation location = Existing(path, false);
        return location.FileSystem.ReadLink(location.InnerPath);
    }

    /// <summary>Names of the extended attributes of a file.</summary>
    public IReadOnlyList<string> ListExtendedAttributes(string path)
    {
        GuestLocation location = Existing(path, true);
        return location.FileSystem.ListExtendedAttributes(location.InnerPath);
    }

    /// <summary>The value of an extended attribute, or null.</summary>
    public byte[]? GetExtendedAttribute(string path, string name, bool followLinks = true)
    {
        GuestLocation location = Existing(path, followLinks);
        return location.FileSystem.GetExtendedAttribute(location.InnerPath, name);
    }

    /// <summary>
    /// Paths that exist and match a pattern, in ordinal order. Each component may hold <c>*</c> and <c>?</c>; neither matches a leading dot.
    /// </summary>
    /// <exception cref="V2VException"><c>GuestGlobTooLarge</c> if more than <see cref="MaxMatches"/> paths match.</exception>
    public IReadOnlyList<string> Glob(string pattern)
    {
        List<string> matches = ["/"];
        foreach (string part in pattern.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = new List<string>();
            foreach (string directory in matches)
            {
                next.AddRange(part.AsSpan().ContainsAny('*', '?') ? MatchNames(directory, part) : MatchLiteral(directory, part));
                if (next.Count > MaxMatches)
                {
                    throw new V2VException("GuestGlobTooLarge", V2VErrorKind.Limit, $"More than {MaxMatches} paths of the guest match {pattern}.", pattern);
                }
            }

            matches = next;
        }

        matches.Sort(StringComparer.Ordinal);
        return matches;
    }

    private IEnumerable<string> MatchLiteral(string directory, string name)
    {
        string path = GuestPath.Combine(directory, name);
        return _resolver.Resolve(path, false).Entry is null ? [] : [path];
    }

    private IEnumerable<string> MatchNames(string directory, string pattern) =>
        DirectoryExists(directory)
            ? EnumerateDirectory(directory)
                .Where(e => (e.Name[0] != '.' || pattern[0] == '.') && GuestPath.Matches(e.Name, pattern))
                .Select(e => GuestPath.Combine(directory, e.Name)).Take(MaxMatches + 1)
            : [];

    private GuestLocation Existing(string path, bool followLinks)
    {
        GuestPathResolver.Resolution found = _resolver.Resolve(path, followLinks);
        if (found.IsLinkLoop)
        {
            throw GuestPathResolver.LinkLoop(path);
        }

        return found.Entry is null ? throw NotFound(path) : found.Location!.Value;
    }

    private static V2VException NotFound(string path) =>
        new("GuestFileNotFound", V2VErrorKind.NotFound, $"The guest has no file {path}.", path);
}
