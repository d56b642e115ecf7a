using V2V.Core.Guest;
using V2V.FileSystems;

namespace V2V.Core.Conversion.Linux.SeLinux;

/// <summary>
/// The labels that a guest's policy gives to paths: <c>file_contexts</c> with <c>.homedirs</c> and <c>.local</c>, and the aliases of
/// <c>.subs</c> and <c>.subs_dist</c> (selabel_file(5)). A path without pattern characters wins over patterns; among each, the last line wins.
/// </summary>
internal sealed class FileContexts
{
    private const int MaxBytes = 16 << 20;
    private static readonly char[] s_blanks = [' ', '\t'];

    private readonly List<ContextSpec> _exact;
    private readonly List<ContextSpec> _patterns;
    private readonly List<(string Alias, string Original)> _aliases;
    private readonly List<(string Alias, string Original)> _distributionAliases;

    private FileContexts(List<ContextSpec> specs, List<(string, string)> aliases, List<(string, string)> distributionAliases)
    {
        _exact = specs.FindAll(s => s.IsExact);
        _patterns = specs.FindAll(s => !s.IsExact);
        _aliases = aliases;
        _distributionAliases = distributionAliases;
    }

    /// <summary>Reads the files of a policy; null if there is no <c>file_contexts</c> with any line.</summary>
    /// <param name="tree">The guest.</param>
    /// <param name="path">Path of <c>file_contexts</c>.</param>
    internal static FileContexts? Load(GuestTree tree, string path)
    {
        var specs = new List<ContextSpec>();
        foreach (string suffix in (string[])["", ".homedirs", ".local"])
        {
            specs.AddRange(Lines(tree, path + suffix).Select(ContextSpec.Parse).OfType<ContextSpec>());
        }

        return specs.Count == 0 ? null : new FileContexts(specs, ReadAliases(tree, path + ".subs"), ReadAliases(tree, path + ".subs_dist"));
    }

    /// <summary>The label of a path, or null if the policy gives it none.</summary>
    internal string? Find(string path, GuestFileType type)
    {
        path = Substitute(_distributionAliases, Substitute(_aliases, path));
        ContextSpec? spec = _exact.FindLast(s => s.Matches(path, type)) ?? _patterns.FindLast(s => s.Matches(path, type));
        return spec?.Label;
    }

    private static string Substitute(List<(string Alias, string Original)> aliases, string path)
    {
        foreach ((string alias, string original) in aliases)
        {
            if (path.StartsWith(alias, StringComparison.Ordinal) && (path.Length == alias.Length || path[alias.Length] == '/'))
            {
                return original + path[alias.Length..];
            }
        }

        return path;
    }

    /// <summary>Lines of two paths: one that is to be treated as the other. The longest alias comes first.</summary>
    private static List<(string Alias, string Original)> ReadAliases(GuestTree tree, string path)
    {
        IEnumerable<string[]> lines = Lines(tree, path).Select(l => l.Split(s_blanks, StringSplitOptions.RemoveEmptyEntries));
        return [.. lines.Where(w => w.Length == 2 && w[0][0] == '/').Select(w => (w[0].TrimEnd('/'), w[1].TrimEnd('/'))).OrderByDescending(a => a.Item1.Length)];
    }

    private static IEnumerable<string> Lines(GuestTree tree, string path) => tree.FileExists(path) ? tree.ReadLines(path, MaxBytes) : [];
}
