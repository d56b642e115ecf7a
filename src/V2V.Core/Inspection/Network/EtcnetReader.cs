using V2V.Core.Guest;
using V2V.FileSystems;

namespace V2V.Core.Inspection.Network;

/// <summary>ALT's etcnet: a directory for each interface in /etc/net/ifaces with <c>options</c>, <c>ipv4address</c>, <c>ipv4route</c>, <c>resolv.conf</c> and their like.</summary>
internal static class EtcnetReader
{
    internal const string Directory = "/etc/net/ifaces";

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context)
    {
        foreach (DirectoryEntry entry in context.List(Directory).Where(e => e.Type == GuestFileType.Directory && e.Name is not ("lo" or "default" or "unknown")).Take(InterfaceConfig.MaxItems))
        {
            string directory = GuestPath.Combine(Directory, entry.Name);
            Dictionary<string, string> options = ShellText.ParseAssignments(context.ReadLines(directory + "/options"));
            if (options.Count == 0)
            {
                continue;
            }

            var config = new InterfaceConfig
            {
                Name = entry.Name,
                System = "etcnet",
                Path = directory + "/options",
                IsVirtual = options.GetValueOrDefault("TYPE", "eth") is not ("eth" or "bootp"),
                IsDhcp = options.GetValueOrDefault("BOOTPROTO", "").StartsWith("dhcp", StringComparison.Ordinal) || options.GetValueOrDefault("CONFIG_IPV6") == "dhcp",
            };
            config.AddPorts($"{options.GetValueOrDefault("HOST")} {options.GetValueOrDefault("HOSTS")}".Split((char[])[' ', ','], StringSplitOptions.RemoveEmptyEntries));
            foreach (string line in context.ReadLines(directory + "/ipv4address").Concat(context.ReadLines(directory + "/ipv6address")))
            {
                if (AddressText.Combine(line.Trim().Split(' ')[0], null) is { } address)
                {
                    config.AddAddress(address);
                }
            }

            foreach (string[] words in context.ReadLines(directory + "/ipv4route").Concat(context.ReadLines(directory + "/ipv6route")).Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)))
            {
                config.Gateway ??= words is [{ } to, "via", { } via, ..] && AddressText.IsDefaultRoute(to) ? AddressText.Address(via) : null;
            }

            config.AddDns(context.ReadLines(directory + "/resolv.conf").Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)).Where(w => w is ["nameserver", _, ..]).Select(w => w[1]));
            yield return config;
        }
    }
}
