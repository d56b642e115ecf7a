using System.Text;
using System.Text.RegularExpressions;
using V2V.Core.Guest;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// What booster's init reads: modules without compression in <c>usr/lib/modules</c> itself, <c>booster.alias</c> with an alias and a module in each
/// line, and a configuration in YAML that lists what to load at once and what each module needs.
/// </summary>
internal static class BoosterImage
{
    internal const string Directory = "usr/lib/modules";
    internal const string Aliases = Directory + "/booster.alias";
    internal const string Configuration = "etc/booster.init.yaml";

    /// <summary>Adds lines for modules to the list of aliases.</summary>
    internal static string AddAliases(string text, GuestTree tree, ModuleDependencies modules, IReadOnlySet<string> names) => TextLines.Append(
        text,
        from line in ModuleDependencies.ReadLines(tree, modules.Directory + "/modules.alias")
        let words = line.Split(' ')
        where words is ["alias", _, { } module] && names.Contains(module)
        select words[1] + " " + words[2]);

    /// <summary>Adds modules to the configuration.</summary>
    /// <param name="yaml">The configuration, as Go's yaml package writes it.</param>
    /// <param name="needs">Each new module with those that it needs.</param>
    /// <param name="load">Those to load at once.</param>
    internal static string Configure(string yaml, IReadOnlyDictionary<string, string[]> needs, IReadOnlyList<string> load)
    {
        yaml = Insert(yaml, "moduledependencies", needs.Where(n => n.Value.Length > 0).Select(n => $"{n.Key}: [{string.Join(", ", n.Value)}]"));
        return Insert(yaml, "modulesforceload", load.Select(m => "- " + m));
    }

    /// <summary>Puts lines at the beginning of a block, indented like those that are there; without the block, it is added.</summary>
    private static string Insert(string yaml, string key, IEnumerable<string> lines)
    {
        Match block = Regex.Match(yaml, $@"(?m)^{key}:[ \t]*\n([ ]*)", RegexOptions.CultureInvariant);
        if (block.Success)
        {
            return yaml.Insert(block.Groups[1].Index, string.Concat(lines.Select(l => block.Groups[1].Value + l + "\n")));
        }

        Match inline = Regex.Match(yaml, $@"(?m)^{key}: *[\[{{](?:\]|}}) *\n?", RegexOptions.CultureInvariant);
        if (inline.Success)
        {
            yaml = yaml.Remove(inline.Index, inline.Length);
        }

        var text = new StringBuilder(yaml);
        if (text.Length > 0 && text[^1] != '\n')
        {
            text.Append('\n');
        }

        return text.Append(key).Append(":\n").Append(string.Concat(lines.Select(l => "    " + l + "\n"))).ToString();
    }
}
