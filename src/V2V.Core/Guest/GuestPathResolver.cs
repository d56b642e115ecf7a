using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Guest;

/// <summary>
/// Resolves paths as the guest's kernel would after chroot into the tree: absolute links stay inside, <c>..</c> at the root stays
/// there, mount points are crossed, and 40 links are followed at most (path_resolution(7)).
/// </summary>
internal sealed class GuestPathResolver(Dictionary<string, GuestMount> mounts)
{
    private const int MaxLinks = 40;
    private const int MaxCachedDirectories = 16384;

    // Directory as asked for -> where it really is. Cleared by every write that can move a directory or a link.
    private readonly Dictionary<string, GuestLocation> _directories = new(StringComparer.Ordinal);

    /// <summary>What a path leads to.</summary>
    /// <param name="Location">Where the file is, or where it would be created; null if a directory on the way is missing.</param>
    /// <param name="Entry">The file, or null if it does not exist.</param>
    /// <param name="IsLinkLoop">True if too many links were met.</param>
    internal readonly record struct Resolution(GuestLocation? Location, FileEntry? Entry, bool IsLinkLoop = false);

    internal void Forget() => _directories.Clear();

    internal Resolution Resolve(string path, bool followLast)
    {
        if (path.Length > GuestPath.MaxLength || path.Contains('\0', StringComparison.Ordinal))
        {
            return default;
        }

        string parent = GuestPath.GetParent(path), name = GuestPath.GetName(path);
        if (name is "" or "." or "..")
        {
            return Walk(path, followLast);
        }

        if (!_directories.TryGetValue(parent, out GuestLocation directory))
        {
            Resolution found = Walk(parent, followLast: true);
            if (found.Entry is not { IsDirectory: true })
            {
                return found with { Location = null, Entry = null };
            }

            directory = found.Location!.Value;
            if (_directories.Count < MaxCachedDirectories)
            {
                _directories.Add(parent, directory);
            }
        }

        GuestLocation child = Step(directory, name, out FileEntry? entry);
        return followLast && entry is { Type: GuestFileType.SymbolicLink } ? Walk(path, followLast) : new Resolution(child, entry);
    }

    private Resolution Walk(string path, bool followLast)
    {
        var todo = new Stack<string>();
        Push(todo, path);
        GuestLocation at = new(mounts["/"], "/");
        FileEntry? entry = at.FileSystem.TryGetEntry("/");
        int links = 0;
        while (todo.TryPop(out string? name))
        {
            if (entry is null || !entry.IsDirectory)
            {
                return default;
            }

            if (name == "..")
            {
                at = Locate(GuestPath.GetParent(at.TreePath));
                entry = at.FileSystem.TryGetEntry(at.InnerPath);
                continue;
            }

            GuestLocation directory = at;
            at = Step(directory, name, out entry);
            if (entry is { Type: GuestFileType.SymbolicLink } && (followLast || todo.Count > 0))
            {
                if (++links > MaxLinks)
                {
                    return new Resolution(null, null, IsLinkLoop: true);
                }

                string target = at.FileSystem.ReadLink(at.InnerPath);
                if (target.Length is 0 or > GuestPath.MaxLength || target.Contains('\0', StringComparison.Ordinal))
                {
                    return default;
                }

                Push(todo, target);
                at = target[0] == '/' ? new GuestLocation(mounts["/"], "/") : directory;
                entry = at.FileSystem.TryGetEntry(at.InnerPath);
            }
            else if (entry is null)
            {
                return todo.Count == 0 ? new Resolution(at, null) : default;
            }
        }

        return new Resolution(at, entry);
    }

    private static void Push(Stack<string> todo, string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = parts.Length - 1; i >= 0; i--)
        {
            if (parts[i] != ".")
            {
                todo.Push(parts[i]);
            }
        }
    }

    private GuestLocation Step(GuestLocation directory, string name, out FileEntry? entry)
    {
        string inner = GuestPath.Combine(directory.InnerPath, name);
        GuestLocation at = mounts.Count > 1 && mounts.TryGetValue(directory.Mount.ToTreePath(inner), out GuestMount? mount)
            ? new GuestLocation(mount, "/")
            : new GuestLocation(directory.Mount, inner);
        entry = at.FileSystem.TryGetEntry(at.InnerPath);
        return at;
    }

    /// <summary>The mount that a real path lies in.</summary>
    private GuestLocation Locate(string realPath)
    {
        for (string at = realPath; ; at = GuestPath.GetParent(at))
        {
            if (mounts.TryGetValue(at, out GuestMount? mount))
            {
                string inner = at == "/" ? realPath : realPath[at.Length..];
                return new GuestLocation(mount, inner.Length == 0 ? "/" : inner);
            }
        }
    }

    internal static V2VException LinkLoop(string path) =>
        new("GuestLinkLoop", V2VErrorKind.Corrupt, $"The guest's path {path} leads through more than {MaxLinks} symbolic links.", path,
            "Repair the links in the guest and export it again.");
}
