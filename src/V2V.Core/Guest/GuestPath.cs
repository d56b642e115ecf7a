namespace V2V.Core.Guest;

/// <summary>Paths of a guest, as text: <c>/</c>-separated and absolute, whatever the host is. Nothing is looked up here.</summary>
public static class GuestPath
{
    /// <summary>Longest path that is accepted, in characters (Linux' PATH_MAX).</summary>
    public const int MaxLength = 4096;

    /// <summary>Joins a directory and a name or relative path.</summary>
    public static string Combine(string directory, string name) =>
        directory.EndsWith('/') ? directory + name : directory + "/" + name;

    /// <summary>The directory that holds a path; <c>/</c> for <c>/</c> itself.</summary>
    public static string GetParent(string path)
    {
        int slash = path.LastIndexOf('/');
        return slash <= 0 ? "/" : path[..slash];
    }

    /// <summary>The last component of a path.</summary>
    public static string GetName(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>
    /// The path without empty and <c>.</c> components, with <c>..</c> removed together with the component before it (at the root it
    /// stays there), and with a leading slash. Right only where no component is a symbolic link.
    /// </summary>
    public static string Normalize(string path)
    {
        var parts = new List<string>();
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count > 0)
                {
                    parts.RemoveAt(parts.Count - 1);
                }
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return "/" + string.Join('/', parts);
    }

    /// <summary>True if <paramref name="path"/> is <paramref name="directory"/> or lies below it. Both must be normal.</summary>
    public static bool IsBelow(string path, string directory) =>
        directory == "/" || path == directory
        || (path.Length > directory.Length && path[directory.Length] == '/' && path.StartsWith(directory, StringComparison.Ordinal));

    /// <summary>True if <paramref name="name"/> matches a pattern in which <c>*</c> stands for any run of characters and <c>?</c> for one.</summary>
    public static bool Matches(ReadOnlySpan<char> name, ReadOnlySpan<char> pattern)
    {
        int n = 0, p = 0, star = -1, mark = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                mark = n;
            }
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == name[n]))
            {
                p++;
                n++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                n = ++mark;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*')
        {
            p++;
        }

        return p == pattern.Length;
    }
}
