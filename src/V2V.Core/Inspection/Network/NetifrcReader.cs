using System.Text.RegularExpressions;

namespace V2V.Core.Inspection.Network;

/// <summary>Gentoo's netifrc: <c>config_NAME</c>, <c>routes_NAME</c> and <c>dns_servers_NAME</c> in /etc/conf.d/net.</summary>
internal static partial class NetifrcReader
{
    internal const string ConfigPath = "/etc/conf.d/net";

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context) =>
        context.ReadText(ConfigPath) is { } text ? Parse(ConfigPath, text) : [];

    internal static List<InterfaceConfig> Parse(string path, string text)
    {
        // A value may span lines, one address on each.
        Dictionary<string, string> values = Assignment().Matches(text).Cast<Match>().Take(1024).GroupBy(m => m.Groups[1].Value, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.Last().Groups[2].Value.Trim('"', '\'', '(', ')', ' '), StringComparer.Ordinal);
        var interfaces = new List<InterfaceConfig>();
        foreach ((string key, string value) in values.Where(v => v.Key.StartsWith("config_", StringComparison.Ordinal) && v.Key is not "config_lo").Take(InterfaceConfig.MaxItems))
        {
            string name = key[7..];
            string ports = $"{values.GetValueOrDefault("bridge_" + name)} {values.GetValueOrDefault("slaves_" + name)}";
            var config = new InterfaceConfig { Name = name, System = "netifrc", Path = path, IsVirtual = ports.Trim().Length > 0, IsDhcp = value.Contains("dhcp", StringComparison.Ordinal) };
            config.AddPorts(ports.Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries));
            foreach (string[] words in Lines(value))
            {
                string? mask = Array.IndexOf(words, "netmask") is >= 0 and var at && at + 1 < words.Length ? words[at + 1] : null;
                if (AddressText.Combine(words[0], mask) is { } address)
                {
                    config.AddAddress(address);
                }
            }

            config.Gateway = Lines(values.GetValueOrDefault("routes_" + name, "")).Where(w => w is [{ } to, "via" or "gw", _, ..] && AddressText.IsDefaultRoute(to)).Select(w => AddressText.Address(w[2])).FirstOrDefault();
            config.AddDns(values.GetValueOrDefault("dns_servers_" + name, "").Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries));
            interfaces.Add(config);
        }

        return interfaces;
    }

    private static IEnumerable<string[]> Lines(string value) =>
        value.Split('\n').Select(l => l.Trim().Trim('"', '\'').Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)).Where(w => w.Length > 0);

    [GeneratedRegex("(?m)^[ \\t]*([A-Za-z_][A-Za-z0-9_]{0,63})=(\"[^\"]{0,4096}\"|'[^']{0,4096}'|\\([^)]{0,4096}\\)|[^\\s#]{0,4096})", RegexOptions.CultureInvariant)]
    private static partial Regex Assignment();
}
