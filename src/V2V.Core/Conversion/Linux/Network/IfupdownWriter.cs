using System.Globalization;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Writes a card's addresses into interfaces(5). Its stanzas lose their addresses; the first one's other options move to the first new one.</summary>
internal static class IfupdownWriter
{
    internal const string MainFile = "/etc/network/interfaces";

    private static readonly string[] s_addressOptions =
        ["address", "netmask", "gateway", "broadcast", "network", "dns-nameservers", "dns-nameserver", "use", "accept_ra", "autoconf", "client", "leasehours", "leasetime", "vendor", "hostname"];

    private static readonly string[] s_otherStanzas = ["auto", "iface", "mapping", "source", "source-directory", "no-auto-down", "no-scripts", "template"];

    internal static void Write(ConversionContext context, CardAddresses card, string name, string? path)
    {
        path ??= MainFile;
        List<string> kept = [];
        string text = context.Editor.ReadText(path) ?? "";
        (string rest, int at) = Remove(text, name, kept);
        string stanzas = string.Concat(Stanzas(card, name, kept, IsBusybox(context)).Select(l => l + "\n"));
        if (!IsStarted(rest, name))
        {
            stanzas = $"auto {name}\n{stanzas}";
        }

        at = at < 0 ? rest.Length : at;
        string before = rest[..at];
        string changed = (before.Length > 0 && before[^1] != '\n' ? before + "\n" : before) + stanzas + rest[at..];
        context.Editor.WriteText(path, changed, StaticAddressesStep.Reason);
        ResolverFile.Write(context, card);
    }

    private static IEnumerable<string> Stanzas(CardAddresses card, string name, List<string> kept, bool isBusybox)
    {
        bool isFirst = true;
        foreach (bool isV6 in (bool[])[false, true])
        {
            bool isFirstOfFamily = true;
            foreach (CardAddresses.Item item in isV6 ? card.V6 : card.V4)
            {
                if (isBusybox && !isFirstOfFamily)
                {
                    // busybox knows one stanza for each family; the lines before belong to it still.
                    yield return $"    up ip addr add {item} dev {name}";
                    continue;
                }

                yield return $"iface {name} {(isV6 ? "inet6" : "inet")} static";
                yield return $"    address {item.Address}";
                yield return "    netmask " + (isV6 ? item.Prefix.ToString(CultureInfo.InvariantCulture) : item.Netmask);
                if (isFirstOfFamily && (isV6 ? card.Gateway6 : card.Gateway4) is { } gateway)
                {
                    yield return $"    gateway {gateway}";
                }

                if (isFirst && card.Dns.Count > 0)
                {
                    yield return $"    dns-nameservers {string.Join(' ', card.Dns)}";
                }

                foreach (string line in isFirst ? kept : [])
                {
                    yield return line;
                }

                (isFirst, isFirstOfFamily) = (false, false);
            }
        }
    }

    /// <summary>The text without the interface's stanzas, and where the first of them was, or -1.</summary>
    private static (string Text, int At) Remove(string text, string name, List<string> kept)
    {
        bool isInside = false, isContinued = false, isKept = false;
        int at = -1, length = 0, found = 0;
        string rest = TextLines.Edit(text, line =>
        {
            string[] words = isContinued ? [] : TextLines.Words(line);
            bool isStart = words.Length > 0 && (s_otherStanzas.Contains(words[0]) || words[0].StartsWith("allow-", StringComparison.Ordinal));
            if (isStart)
            {
                isInside = words[0] == "iface" && words.Length > 1 && words[1].Split(':')[0] == name;
                found += isInside ? 1 : 0;
                at = isInside && found == 1 ? length : at;
            }

            isKept = isContinued ? isKept : !isStart && words.Length > 0 && !s_addressOptions.Contains(words[0]);
            isContinued = line.EndsWith('\\');
            if (!isInside)
            {
                length += line.Length + 1;
                return line;
            }

            if (isKept && found == 1)
            {
                kept.Add(line);
            }

            return null;
        });
        return (rest, Math.Min(at, rest.Length));
    }

    private static bool IsStarted(string text, string name) =>
        text.Split('\n').Select(TextLines.Words).Any(w => w.Length > 1 && (w[0] == "auto" || w[0] == "allow-hotplug" || w[0] == "allow-auto") && w.Contains(name));

    private static bool IsBusybox(ConversionContext context) =>
        (context.Tree.ResolvePath("/sbin/ifup") ?? context.Tree.ResolvePath("/usr/sbin/ifup"))?.EndsWith("busybox", StringComparison.Ordinal) == true;
}
