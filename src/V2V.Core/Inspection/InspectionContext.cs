using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection;

/// <summary>
/// What every reader of an inspection shares: the guest's tree, and where to say what was odd. A file that cannot be read is
/// worth a warning, never a failed inspection.
/// </summary>
internal sealed class InspectionContext(GuestTree tree, List<string> warnings)
{
    /// <summary>Largest text file that is read unless a reader says otherwise.</summary>
    internal const int MaxTextBytes = 1 << 20;

    private const int MaxWarnings = 200;
    private const int MaxNames = 65536;

    internal GuestTree Tree { get; } = tree;

    internal void Warn(string message)
    {
        if (warnings.Count < MaxWarnings && !warnings.Contains(message))
        {
            warnings.Add(message);
        }
    }

    /// <summary>The text of a regular file; null if there is none, or if it is too large or damaged, which is warned of.</summary>
    internal string? ReadText(string path, int maxBytes = MaxTextBytes)
    {
        try
        {
            return Tree.FileExists(path) ? Tree.ReadAllText(path, maxBytes) : null;
        }
        catch (V2VException e)
        {
            Warn($"{path} was not read: {e.Message}");
            return null;
        }
    }

    /// <summary>The lines of a regular file; none if it cannot be read.</summary>
    internal IEnumerable<string> ReadLines(string path, int maxBytes = MaxTextBytes) =>
        ReadText(path, maxBytes) is { } text ? GuestText.SplitLines(text) : [];

    /// <summary>The entries of a directory in ordinal order; none if it does not exist or is damaged.</summary>
    internal IReadOnlyList<DirectoryEntry> List(string path)
    {
        try
        {
            if (!Tree.DirectoryExists(path))
            {
                return [];
            }

            List<DirectoryEntry> entries = [.. Tree.EnumerateDirectory(path).Take(MaxNames)];
            if (entries.Count == MaxNames)
            {
                Warn($"{path} holds more than {MaxNames} names; the rest was not looked at.");
            }

            entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            return entries;
        }
        catch (V2VException e)
        {
            Warn($"The directory {path} was not read: {e.Message}");
            return [];
        }
    }

    /// <summary>Paths of the regular files in a directory whose names match a pattern.</summary>
    internal IEnumerable<string> FilesIn(string directory, string pattern) =>
        from entry in List(directory)
        where GuestPath.Matches(entry.Name, pattern) && entry.Type is GuestFileType.File or GuestFileType.SymbolicLink
        let path = GuestPath.Combine(directory, entry.Name)
        where entry.Type == GuestFileType.File || Tree.FileExists(path)
        select path;

    /// <summary>The path with the case in which a file system without case (the ESP's FAT) spells it, or null.</summary>
    internal string? FindIgnoringCase(string path)
    {
        string at = "/";
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string next = GuestPath.Combine(at, part);
            if (!Tree.Exists(next))
            {
                string? name = List(at).Select(e => e.Name).FirstOrDefault(n => n.Equals(part, StringComparison.OrdinalIgnoreCase));
                if (name is null)
                {
                    return null;
                }

                next = GuestPath.Combine(at, name);
            }

            at = next;
        }

        return at;
    }
}
