using System.Text.RegularExpressions;

namespace V2V.Core.Inspection.Network;

/// <summary>Names that the guest binds to MACs, whatever the topology: .link files (systemd.link(5)) and udev's persistent-net rules.</summary>
internal static partial class NameBindings
{
    private static readonly string[] s_linkDirectories = ["/etc/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network"];
    private static readonly string[] s_ruleDirectories = ["/etc/udev/rules.d"];

    /// <summary>Name of an interface to its MAC.</summary>
    internal static Dictionary<string, string> Read(InspectionContext context)
    {
        var bindings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in s_ruleDirectories.SelectMany(d => context.FilesIn(d, "*net*.rules")).Take(64))
        {
            AddRules(context.ReadLines(path), bindings);
        }

        foreach (string path in s_linkDirectories.SelectMany(d => context.FilesIn(d, "*.link")).Take(256))
        {
            AddLink(context.ReadLines(path), bindings);
        }

        // nameif(8), which mdev calls for new cards on Alpine.
        foreach (string[] words in context.ReadLines("/etc/mactab").Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)).Where(w => w.Length == 2))
        {
            if (MacText.Normalize(words[1]) is { } mac && bindings.Count < 256)
            {
                bindings.TryAdd(words[0], mac);
            }
        }

        return bindings;
    }

    internal static void AddLink(IEnumerable<string> lines, Dictionary<string, string> bindings)
    {
        List<IniText.Entry> file = IniText.Parse(lines);
        string? mac = MacText.Normalize((file.Value("Match", "PermanentMACAddress") ?? file.Value("Match", "MACAddress"))?.Split(' ')[0]);
        if (mac is not null && file.Value("Link", "Name") is { Length: > 0 } name)
        {
            bindings.TryAdd(name, mac);
        }
    }

    internal static void AddRules(IEnumerable<string> lines, Dictionary<string, string> bindings)
    {
        foreach (string line in lines)
        {
            if (line.Length is > 0 and < 4096 && line[0] != '#'
                && RuleAddress().Match(line) is { Success: true } address && MacText.Normalize(address.Groups[1].Value) is { } mac
                && RuleName().Match(line) is { Success: true } name && bindings.Count < 256)
            {
                bindings[name.Groups[1].Value] = mac;
            }
        }
    }

    [GeneratedRegex("(?:ATTR|ATTRS|SYSFS)\\{address\\}==\"([0-9A-Fa-f:]{17})\"", RegexOptions.CultureInvariant)]
    private static partial Regex RuleAddress();

    /// <summary>SUSE 10 has a program of its own give the name.</summary>
    [GeneratedRegex("(?:NAME:?=\"|rename_netiface %k )([^\"%$ ]{1,15})\"", RegexOptions.CultureInvariant)]
    private static partial Regex RuleName();
}
