using System.Text;
using V2V.Core.Guest;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// The index files that depmod would write for a subset of a kernel's modules, taken from the files it wrote for all of them: modules.dep,
/// modules.alias and modules.symbols with their binary forms, and modules.softdep. Only what the guest has is made.
/// </summary>
internal static class ModuleIndexFiles
{
    /// <summary>Makes the index.</summary>
    /// <param name="tree">The guest.</param>
    /// <param name="modules">The kernel's modules.</param>
    /// <param name="paths">The subset: for each name the path of the module's file as the index is to spell it.</param>
    /// <returns>Name and content of each file.</returns>
    internal static IEnumerable<(string Name, byte[] Content)> Build(GuestTree tree, ModuleDependencies modules, IReadOnlyDictionary<string, string> paths)
    {
        List<ModuleLine> subset = [.. modules.Lines.Where(l => paths.ContainsKey(l.Name)).DistinctBy(l => l.Name)];
        Dictionary<string, int> priorities = subset.Select((line, index) => (line.Name, index)).ToDictionary(StringComparer.Ordinal);
        return [.. Dependencies(subset, paths), .. Aliases(tree, modules.Directory, "modules.alias", priorities, normalize: true),
            .. Aliases(tree, modules.Directory, "modules.symbols", priorities, normalize: false), .. SoftDependencies(tree, modules.Directory, priorities)];
    }

    private static IEnumerable<(string, byte[])> Dependencies(List<ModuleLine> subset, IReadOnlyDictionary<string, string> paths)
    {
        var text = new StringBuilder();
        var index = new KmodIndex();
        for (int i = 0; i < subset.Count; i++)
        {
            string line = paths[subset[i].Name] + ":" + string.Concat(
                subset[i].Dependencies.Select(ModuleDependencies.NameOf).OfType<string>().Where(paths.ContainsKey).Select(d => " " + paths[d]));
            text.Append(line).Append('\n');
            index.Add(subset[i].Name, line, i);
        }

        yield return ("modules.dep", GuestText.Encode(text.ToString()));
        yield return ("modules.dep.bin", index.Build());
    }

    private static IEnumerable<(string, byte[])> Aliases(GuestTree tree, string directory, string name, Dictionary<string, int> priorities, bool normalize)
    {
        string path = directory + "/" + name;
        if (!tree.FileExists(path))
        {
            yield break;
        }

        var text = new StringBuilder();
        var index = new KmodIndex();
        foreach (string line in ModuleDependencies.ReadLines(tree, path))
        {
            if (line.StartsWith('#'))
            {
                text.Append(line).Append('\n');
                continue;
            }

            // An alias may hold blanks; the module's name does not.
            int blank = line.LastIndexOf(' ');
            if (blank > 6 && line.StartsWith("alias ", StringComparison.Ordinal) && priorities.TryGetValue(line[(blank + 1)..], out int priority))
            {
                text.Append(line).Append('\n');
                string alias = line[6..blank];
                index.Add(normalize ? Normalize(alias) : alias, line[(blank + 1)..], priority);
            }
        }

        yield return (name, GuestText.Encode(text.ToString()));
        yield return (name + ".bin", index.Build());
    }

    private static IEnumerable<(string, byte[])> SoftDependencies(GuestTree tree, string directory, Dictionary<string, int> priorities)
    {
        string path = directory + "/modules.softdep";
        if (tree.FileExists(path))
        {
            yield return ("modules.softdep", GuestText.Encode(string.Concat(ModuleDependencies.ReadLines(tree, path)
                .Where(l => l.StartsWith('#') || (l.Split(' ') is [_, { } module, ..] && priorities.ContainsKey(module.Replace('-', '_'))))
                .Select(l => l + "\n"))));
        }
    }

    /// <summary>Dashes count as underscores, except in a set of characters.</summary>
    private static string Normalize(string alias)
    {
        if (!alias.Contains('-', StringComparison.Ordinal))
        {
            return alias;
        }

        char[] result = alias.ToCharArray();
        bool isSet = false;
        for (int i = 0; i < result.Length; i++)
        {
            isSet = result[i] == '[' || (isSet && result[i] != ']');
            if (result[i] == '-' && !isSet)
            {
                result[i] = '_';
            }
        }

        return new string(result);
    }
}
