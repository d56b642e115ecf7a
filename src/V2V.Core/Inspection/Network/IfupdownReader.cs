using V2V.Core.Guest;

namespace V2V.Core.Inspection.Network;

/// <summary>/etc/network/interfaces and what it sources (interfaces(5)).</summary>
internal sealed class IfupdownReader(InspectionContext context)
{
    private const int MaxFiles = 256;
    private const string Main = "/etc/network/interfaces";

    private readonly Dictionary<string, InterfaceConfig> _interfaces = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context)
    {
        var reader = new IfupdownReader(context);
        var todo = new Queue<string>([Main]);
        while (todo.TryDequeue(out string? path) && reader._seen.Count < MaxFiles)
        {
            if (reader._seen.Add(path))
            {
                reader.ReadFile(path, todo);
            }
        }

        return reader._interfaces.Values;
    }

    private void ReadFile(string path, Queue<string> todo)
    {
        InterfaceConfig? current = null;
        string? address = null, mask = null;

        void Close()
        {
            if (AddressText.Combine(address, mask) is { } complete)
            {
                current?.AddAddress(complete);
            }

            (address, mask) = (null, null);
        }

        foreach (string line in JoinLines(context.ReadLines(path)))
        {
            string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            switch (words[0])
            {
                case "iface":
                    Close();
                    current = Open(words, path);
                    break;
                case "auto" or "mapping" or "no-auto-down" or "no-scripts" or "template":
                case { } w when w.StartsWith("allow-", StringComparison.Ordinal):
                    Close();
                    current = null;
                    break;
                case "source" or "source-directory":
                    Close();
                    current = null;
                    foreach (string file in words.Skip(1).Take(64).SelectMany(p => Sources(p, path, words[0] == "source-directory")))
                    {
                        todo.Enqueue(file);
                    }

                    break;
                case "address" when words.Length > 1:
                    Close();
                    address = words[1];
                    break;
                case "netmask" when words.Length > 1:
                    mask = words[1];
                    break;
                case "gateway" when current is not null && words.Length > 1:
                    current.Gateway ??= AddressText.Address(words[1]);
                    break;
                case "dns-nameservers" or "dns-nameserver":
                    current?.AddDns(words.Skip(1));
                    break;
                case "vlan-raw-device" or "vlan_raw_device" or "bridge_ports" or "bridge-ports" or "bond-slaves" or "bond_slaves" or "bond-members" or "bond-mode" or "bond_mode" when current is not null:
                    current.IsVirtual = true;
                    current.AddPorts(words[0].EndsWith("mode", StringComparison.Ordinal) ? [] : words.Skip(1));
                    break;
                case "use" when current is not null && words.Length > 1:
                    current.IsDhcp |= words[1] == "dhcp";
                    break;
                default:
                    break;
            }
        }

        Close();
    }

    private InterfaceConfig? Open(string[] words, string path)
    {
        // An alias (eth0:1) is a further address of its card.
        string name = words.Length > 1 ? words[1].Split(':')[0] : "";
        // ifupdown2 and ifupdown-ng (Alpine) need neither a family nor a method.
        string method = words.Length > 3 ? words[3] : "";
        if (name is "" or "lo" || method == "loopback")
        {
            return null;
        }

        if (!_interfaces.TryGetValue(name, out InterfaceConfig? config))
        {
            if (_interfaces.Count == InterfaceConfig.MaxItems)
            {
                return null;
            }

            config = new InterfaceConfig { Name = name, System = "ifupdown", Path = path, IsVirtual = name.Contains('.', StringComparison.Ordinal) };
            config.AddPorts(config.IsVirtual ? [name.Split('.')[0]] : []);
            _interfaces.Add(name, config);
        }

        config.IsDhcp |= method is "dhcp" or "auto";
        return config;
    }

    private IEnumerable<string> Sources(string pattern, string from, bool isDirectory)
    {
        string path = pattern.StartsWith('/') ? pattern : GuestPath.Combine(GuestPath.GetParent(from), pattern);
        try
        {
            IReadOnlyList<string> found = context.Tree.Glob(path);
            return isDirectory || found.Any(context.Tree.DirectoryExists)
                ? found.SelectMany(d => context.FilesIn(d, "*")).Where(f => GuestPath.GetName(f).All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
                : found.Where(context.Tree.FileExists);
        }
        catch (Storage.V2VException e)
        {
            context.Warn($"{from}: {pattern} was not read: {e.Message}");
            return [];
        }
    }

    private static IEnumerable<string> JoinLines(IEnumerable<string> lines)
    {
        string joined = "";
        foreach (string raw in lines)
        {
            string line = raw.Trim();
            if (joined.Length == 0 && (line.Length == 0 || line[0] == '#'))
            {
                continue;
            }

            if (line.EndsWith('\\') && joined.Length < 65536)
            {
                joined += line[..^1] + " ";
                continue;
            }

            line = (joined + line).Trim();
            joined = "";
            if (line.Length > 0)
            {
                yield return line;
            }
        }
    }
}
