using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>Names of files in a container: relative, <c>/</c>-separated. Those written in an OVF are hostile.</summary>
internal static class MemberName
{
    private const int MaximumLength = 4096;

    /// <summary>The form under which a member is found: without <c>.</c> segments, doubled and trailing slashes.</summary>
    public static string Normalize(string name) =>
        string.Join('/', name.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(s => s != "."));

    /// <summary>The folder part, or the empty string.</summary>
    public static string Folder(string name)
    {
        int slash = name.LastIndexOf('/');
        return slash < 0 ? "" : name[..slash];
    }

    /// <summary>The last segment.</summary>
    public static string FileName(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <summary>Joins a folder of the container and a name relative to it.</summary>
    public static string Combine(string folder, string name) => folder.Length == 0 ? name : folder + "/" + name;

    /// <summary>
    /// Resolves a reference of the metadata against the folder of the metadata. Whatever could leave that folder is refused:
    /// absolute names, drive letters, <c>..</c>, backslashes, URLs (also percent-encoded ones).
    /// </summary>
    /// <exception cref="V2VException"><c>OvfHrefOutside</c>.</exception>
    public static string Resolve(string folder, string href, string container)
    {
        // An href is a URI reference: %20 is legal in it. But a file whose name holds a % exists too; so both are tried by the caller.
        if (href.Length is 0 or > MaximumLength || !IsInside(href) || !IsInside(Decode(href)))
        {
            throw new V2VException(
                "OvfHrefOutside",
                V2VErrorKind.InvalidArgument,
                $"The metadata refers to '{Shorten(href)}', which is not a file in its own folder.",
                container,
                "If you trust the machine, put the file beside the OVF and correct the reference.");
        }

        return Combine(folder, Normalize(href));
    }

    /// <summary>The name with <c>%xx</c> escapes replaced.</summary>
    public static string Decode(string href) => href.Contains('%', StringComparison.Ordinal) ? Uri.UnescapeDataString(href) : href;

    private static bool IsInside(string href)
    {
        if (href.AsSpan().IndexOfAny('\\', '\0', ':') is >= 0 and int at && (href[at] != ':' || IsScheme(href, at)))
        {
            return false;
        }

        return href[0] != '/' && Normalize(href).Length > 0 && !href.Split('/').Contains("..");
    }

    /// <summary>RFC 3986 section 3.1; a drive letter is a scheme of one letter. On Windows a colon also opens an alternate stream.</summary>
    private static bool IsScheme(string href, int colon) =>
        OperatingSystem.IsWindows() || (colon > 0 && char.IsAsciiLetter(href[0]) && href.AsSpan(0, colon).IndexOfAnyExcept(s_schemeCharacters) < 0);

    private static readonly System.Buffers.SearchValues<char> s_schemeCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..200] + "…";
}
