using System.Text;
using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Interfaces keep their names, and with them their addresses: the name that the guest's configuration uses is bound to the card's MAC, by a .link
/// file (systemd.link(5)), or by a udev rule where systemd is too old. The binding goes into the initramfs too, whose udev may rename first.
/// </summary>
internal sealed partial class NetworkNamesStep : ConversionStep
{
    private const string RulesFile = "/etc/udev/rules.d/70-persistent-net.rules";

    /// <summary>Where Debian 4 and Ubuntu of its time have them.</summary>
    private const string OldRulesFile = "/etc/udev/rules.d/z25_persistent-net.rules";

    private const string LinkDirectory = "/etc/systemd/network";

    /// <summary>The first release whose .link files are applied by every udev of this family.</summary>
    private const int FirstWithLinkFiles = 220;

    /// <summary>The first release that matches the address burnt in, which no bridge, bond or VLAN on top shares.</summary>
    private const int FirstWithPermanentAddress = 245;

    private const string Reason = "The interface's name follows from the PCI topology, which is new; its addresses depend on the name.";

    internal override string Name => "NetworkNames";

    internal override int Order => 600;

    internal override void Apply(ConversionContext context)
    {
        foreach (string path in (string[])[RulesFile, OldRulesFile])
        {
            context.Editor.EditLines(path, FreeRule, "A rule must not depend on the driver or the place of the old card.");
        }

        WarnOfDriverMatches(context);
        Dictionary<string, string> bound = NameBindings.Read(new InspectionContext(context.Tree, []));
        foreach (SourceNic nic in context.Source.Nics)
        {
            Bind(context, nic, bound);
        }

        KeepFromCloudInit(context);
        foreach (NetworkInfo network in context.Inspection.Networks.Where(n => n.MacAddress is null && n.InterfaceName is not ("" or "lo") && IsPhysical(n)))
        {
            context.Nics.Add(new NicReport(null, network.InterfaceName, "none", Addresses([network]), "Its card could not be told; name it with a NIC binding."));
            context.Warn($"{network.ConfigPath} configures {network.InterfaceName}, but which of the machine's cards that is could not be told; its name may change.");
        }
    }

    /// <summary>On a new platform cloud-init sees a new instance and writes the network's configuration anew, with DHCP where it is told nothing.</summary>
    private static void KeepFromCloudInit(ConversionContext context)
    {
        const string Directory = "/etc/cloud/cloud.cfg.d";
        bool isDisabled = context.Tree.Glob(Directory + "/*.cfg").Any(p => context.Editor.ReadText(p) is { } text && CloudNetworkDisabled().IsMatch(text));
        if (context.Inspection.HasCloudInit && context.Tree.DirectoryExists(Directory) && !isDisabled && context.Inspection.Networks.Count > 0)
        {
            context.Editor.WriteText(
                Directory + "/99-v2v-network.cfg", "# By V2V: the network stays as it was configured on the old platform.\nnetwork: {config: disabled}\n",
                "cloud-init would configure the network anew on the new platform.");
        }
    }

    /// <summary>Checks a binding that a user gave.</summary>
    /// <exception cref="V2VException"><c>NicBindingInvalid</c>.</exception>
    internal static void CheckBinding(NicBinding binding)
    {
        if (MacText.Normalize(binding.MacAddress) is null || !IsName(binding.InterfaceName))
        {
            throw new V2VException(
                "NicBindingInvalid", V2VErrorKind.InvalidArgument, $"'{binding.MacAddress}={binding.InterfaceName}' does not bind an interface's name to a MAC.", binding.InterfaceName,
                "Give a MAC of six bytes and a name of at most 15 characters without blanks and slashes.");
        }
    }

    private static void Bind(ConversionContext context, SourceNic nic, Dictionary<string, string> bound)
    {
        if (nic.MacAddress is not { } mac)
        {
            context.Nics.Add(new NicReport(null, "", "none", [], "The source does not say its MAC; a new one is made, and the interface's name may change."));
            context.Warn("A network card of the source has no MAC: no interface name can be bound to it.");
            return;
        }

        List<NetworkInfo> networks = [.. context.Inspection.Networks.Where(n => n.MacAddress == mac)];
        string? chosen = context.Options.NicBindings.LastOrDefault(b => MacText.Normalize(b.MacAddress) == mac)?.InterfaceName;
        string name = chosen ?? networks.Select(n => n.InterfaceName).FirstOrDefault(n => n.Length > 0) ?? "";
        IReadOnlyList<string> addresses = Addresses(networks);
        if (name.Length == 0)
        {
            string note = networks.Count > 0 ? "Its configuration goes by the MAC; the name does not matter." : "The guest has no configuration for it.";
            context.Nics.Add(new NicReport(mac, "", "none", addresses, note));
            if (networks.Count == 0)
            {
                context.Warn($"The network card {mac} has no configuration in the guest that could be told; bind its interface's name if it needs one.");
            }
        }
        else if (!IsName(name))
        {
            context.Nics.Add(new NicReport(mac, name, "none", addresses, "The configuration is for names of a pattern; the new name may not match it."));
            context.Warn($"The network card {mac} is configured by a pattern of names, {name}; its new name may not match.");
        }
        else if (chosen is null && bound.GetValueOrDefault(name) == mac)
        {
            context.Nics.Add(new NicReport(mac, name, "none", addresses, "The guest binds the name to the MAC already."));
        }
        else
        {
            string binding = Write(context, mac, name);
            bool isKernelName = name.StartsWith("eth", StringComparison.Ordinal) && context.Source.Nics.Count > 1;
            context.Nics.Add(new NicReport(mac, name, binding, addresses, isKernelName
                ? "The name is bound to the MAC; as the kernel gives out names of this kind too, keep the order of the cards."
                : "The name is bound to the MAC."));
        }
    }

    private static string Write(ConversionContext context, string mac, string name)
    {
        // A guest that masked this rule, to have the kernel's names, applies no .link files.
        bool isMasked = context.Tree.TryGetEntry("/etc/udev/rules.d/80-net-setup-link.rules", followLinks: false) is not null;
        if (isMasked || context.SystemdVersion < FirstWithLinkFiles)
        {
            // Up to Debian 5 udev's version is 0.something; it knows this key only, and its kernels have no dev_id.
            string match = context.SystemdVersion == 0 && context.HasPackage("udev")
                ? $"SYSFS{{address}}==\"{mac}\""
                : $"ATTR{{address}}==\"{mac}\", ATTR{{dev_id}}==\"0x0\", ATTR{{type}}==\"1\"";
            string rule = $"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", {match}, NAME=\"{name}\"";
            string path = context.Tree.FileExists(OldRulesFile) ? OldRulesFile : RulesFile;
            string text = context.Editor.ReadText(path) ?? "";
            context.Editor.WriteText(path, TextLines.Append(text, ["# By V2V: the interface keeps its name.", rule]), Reason);
            return "udev-rule";
        }

        string card = context.SystemdVersion >= FirstWithPermanentAddress ? $"PermanentMACAddress={mac}\n" : $"MACAddress={mac}\nDriver={context.Drivers.NetDriver}\n";
        string link = $"# By V2V: the interface keeps the name that its configuration uses.\n[Match]\n{card}\n[Link]\nName={name}\n";
        string file = $"{LinkDirectory}/10-v2v-{name}.link";
        context.Editor.WriteText(file, link, Reason);
        context.InitramfsFiles[file[1..]] = Encoding.ASCII.GetBytes(link);
        return "link-file";
    }

    /// <summary>Removes from a rule what names the old card's driver or place; the address stays.</summary>
    private static string FreeRule(string line) =>
        line.TrimStart().StartsWith('#') || !line.Contains("{address}", StringComparison.Ordinal) ? line : PlaceMatch().Replace(line, "");

    private static void WarnOfDriverMatches(ConversionContext context)
    {
        string[] files = [.. context.Tree.Glob("/etc/netplan/*.yaml"), .. context.Tree.Glob("/etc/systemd/network/*.network"), .. context.Tree.Glob("/etc/systemd/network/*.link")];
        foreach (string path in files.Where(p => context.Editor.ReadText(p) is { } text && DriverMatch().IsMatch(text)))
        {
            context.Warn($"{path} matches a network card by the driver of the old hypervisor; it will not match the new card.");
        }
    }

    private static bool IsPhysical(NetworkInfo network) => IsName(network.InterfaceName) && PhysicalName().IsMatch(network.InterfaceName);

    private static bool IsName(string name) => name.Length is > 0 and <= 15 && name is not ("." or "..") && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static IReadOnlyList<string> Addresses(IReadOnlyList<NetworkInfo> networks) =>
        [.. networks.SelectMany(n => n.Method == "dhcp" && n.Addresses.Count == 0 ? ["dhcp"] : n.Addresses).Distinct()];

    [GeneratedRegex("""(?:DRIVERS|KERNELS|ID|BUS|KERNEL)=="(?!\?\*"|eth\*"|en\*"|\*")[^"]*",\s*""", RegexOptions.CultureInvariant)]
    private static partial Regex PlaceMatch();

    [GeneratedRegex(@"(?im)^\s*driver\s*[:=]\s*.*\b(?:vmxnet3?|e1000e?|pcnet32|vlance|hv_netvsc|xen.netfront)\b", RegexOptions.CultureInvariant)]
    private static partial Regex DriverMatch();

    [GeneratedRegex(@"(?m)^network:\s*(?:\{\s*config:\s*disabled|\r?\n\s+config:\s*disabled)", RegexOptions.CultureInvariant)]
    private static partial Regex CloudNetworkDisabled();

    [GeneratedRegex("^(?:eth[0-9]+|en[opsxP][0-9a-zA-Z]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex PhysicalName();
}
