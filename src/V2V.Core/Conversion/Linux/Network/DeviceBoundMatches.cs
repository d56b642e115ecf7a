using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>
/// Settings that find a card by its driver or by its place on the bus. Both are new, so the driver's name is replaced where all cards had one model,
/// and a place by the MAC where there is one card only; what is left is told.
/// </summary>
internal static partial class DeviceBoundMatches
{
    private const string Reason = "It found the card by the driver or the place that it had on the old hypervisor.";

    internal static void Free(ConversionContext context)
    {
        foreach (string path in Existing(context, "/etc/udev/rules.d/*net*.rules"))
        {
            context.Editor.EditLines(path, line => FreeRule(context, path, line), "A rule must not depend on the driver or the place of the old card.");
        }

        string[] patterns =
        [
            "/etc/netplan/*.yaml", "/etc/systemd/network/*.network", "/etc/systemd/network/*.link", "/etc/systemd/network/*.network.d/*.conf", "/etc/systemd/network/*.link.d/*.conf",
            "/etc/NetworkManager/system-connections/*", "/etc/NetworkManager/NetworkManager.conf", "/etc/NetworkManager/conf.d/*.conf",
        ];
        foreach (string path in patterns.SelectMany(p => Existing(context, p)))
        {
            context.Editor.EditLines(path, line => FreeLine(context, path, line), Reason);
        }

        RenameByBus(context);
    }

    private static string? FreeLine(ConversionContext context, string path, string line)
    {
        if (line.TrimStart() is ['#' or ';', ..])
        {
            return line;
        }

        bool isNetworkManager = path.StartsWith("/etc/NetworkManager/", StringComparison.Ordinal);
        if (DriverLine().IsMatch(line) || (isNetworkManager && DriverToken().IsMatch(line)))
        {
            string replaced = OldDriver().Replace(line, context.Drivers.NetDriver);
            if (replaced == line)
            {
                return line;
            }

            if (context.Source.Nics.Select(n => n.Model?.ToUpperInvariant()).Distinct().Count() <= 1)
            {
                return replaced;
            }

            context.Warn($"{path} matches a network card by the driver of the old hypervisor; it will not match the new card.");
        }
        else if (PlaceLine().Match(line) is { Success: true } place)
        {
            if (OnlyMac(context) is { } mac)
            {
                return isNetworkManager ? null : $"{place.Groups[1].Value}MACAddress={mac}";
            }

            context.Warn($"{path} matches a network card by its place on the old machine's bus; it will not match the new card.");
        }

        return line;
    }

    /// <summary>Removes from a rule what names the old card's driver or place; the address stays, or takes its place.</summary>
    private static string FreeRule(ConversionContext context, string path, string line)
    {
        if (line.TrimStart().StartsWith('#') || !NamesInterface().IsMatch(line))
        {
            return line;
        }

        string free = PlaceMatch().Replace(line, "");
        if (free == line || line.Contains("{address}", StringComparison.Ordinal))
        {
            return free;
        }

        if (OnlyMac(context) is { } mac)
        {
            return $"ATTR{{address}}==\"{mac}\", {free.TrimStart()}";
        }

        context.Warn($"{path} names a network card by its driver or place on the old machine; it will not match the new card.");
        return line;
    }

    /// <summary>SUSE 9 and 10: ifcfg-eth-bus-pci-0000:02:00.0 becomes ifcfg-eth-id-MAC.</summary>
    private static void RenameByBus(ConversionContext context)
    {
        foreach (string path in Existing(context, "/etc/sysconfig/network/ifcfg-eth-bus-*"))
        {
            if (OnlyMac(context) is { } mac)
            {
                context.Editor.Copy(path, "/etc/sysconfig/network/ifcfg-eth-id-" + mac, Reason);
                context.Editor.Delete(path, Reason);
            }
            else
            {
                context.Warn($"{path} is for a network card at a place on the old machine's bus; it will not match the new card.");
            }
        }
    }

    private static string? OnlyMac(ConversionContext context) => context.Inspection.Nics is [{ MacAddress: { } mac }] ? MacText.Normalize(mac) : null;

    private static IEnumerable<string> Existing(ConversionContext context, string pattern) => context.Tree.Glob(pattern).Where(context.Tree.FileExists);

    [GeneratedRegex("""(?:DRIVERS|DRIVER|KERNELS|ID|BUS|KERNEL|ENV\{ID_PATH\}|ENV\{ID_NET_NAME_(?:PATH|SLOT)\}|ENV\{ID_NET_DRIVER\})==?"(?!\?\*"|eth\*"|en\*"|\*")[^"]*",\s*""", RegexOptions.CultureInvariant)]
    private static partial Regex PlaceMatch();

    [GeneratedRegex("""(?:\bNAME:?="|rename_netiface)""", RegexOptions.CultureInvariant)]
    private static partial Regex NamesInterface();

    [GeneratedRegex(@"(?i)^\s*driver\s*[:=]", RegexOptions.CultureInvariant)]
    private static partial Regex DriverLine();

    [GeneratedRegex(@"\bdriver:", RegexOptions.CultureInvariant)]
    private static partial Regex DriverToken();

    [GeneratedRegex(@"\b(?:vmxnet[23]?|e1000e?|pcnet32|vlance|hv_netvsc|xen[-_]netfront|xennet|netfront|8139cp|8139too|tulip)\b", RegexOptions.CultureInvariant)]
    private static partial Regex OldDriver();

    [GeneratedRegex(@"^(\s*)(?:Path|path|Property\s*=\s*""?ID_PATH)\s*=\s*""?(?:pci|vmbus|xen|acpi)-", RegexOptions.CultureInvariant)]
    private static partial Regex PlaceLine();
}
