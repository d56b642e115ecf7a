using System.Text.RegularExpressions;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>
/// Interfaces keep their names, and with them their addresses: the name that the guest's configuration uses is bound to the card's MAC, by a .link
/// file (systemd.link(5)), or by a udev rule where systemd is too old. The binding goes into the initramfs too, whose udev may rename first.
/// </summary>
internal sealed partial class NetworkNamesStep : ConversionStep
{
    internal override string Name => "NetworkNames";

    internal override int Order => 600;

    internal override void Apply(ConversionContext context)
    {
        DeviceBoundMatches.Free(context);
        Dictionary<string, string> bound = NameBindings.Read(new InspectionContext(context.Tree, []));
        foreach ((int index, SourceNic nic) in context.Inspection.Nics.Index())
        {
            NicReport report = Bind(context, nic.MacAddress!, bound);
            context.Nics.Add(context.Source.Nics[index].MacAddress is not null
                ? report
                : report with { Note = "The machine's description gives the card no MAC; the exported machine has this one, and a DHCP server may take it for a new card. " + report.Note });
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
        if (context.Inspection.HasCloudInit && context.Tree.DirectoryExists(Directory) && !isDisabled && (context.Inspection.Networks.Count > 0 || context.StaticAddresses.Count > 0))
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

    private static NicReport Bind(ConversionContext context, string mac, Dictionary<string, string> bound)
    {
        List<NetworkInfo> networks = [.. context.Inspection.Networks.Where(n => n.MacAddress == mac)];
        string? chosen = context.Options.NicBindings.LastOrDefault(b => MacText.Normalize(b.MacAddress) == mac)?.InterfaceName;
        (string Name, IReadOnlyList<string> Addresses)? given = context.StaticAddresses.TryGetValue(mac, out (string, IReadOnlyList<string>) known) ? known : null;
        string name = chosen ?? given?.Name ?? networks.Select(n => n.InterfaceName).FirstOrDefault(n => n.Length > 0) ?? "";
        IReadOnlyList<string> addresses = given?.Addresses ?? Addresses(networks);
        if (name.Length == 0)
        {
            string note = networks.Count > 0 ? "Its configuration goes by the MAC; the name does not matter." : "The guest has no configuration for it.";
            if (networks.Count == 0)
            {
                context.Warn($"The network card {mac} has no configuration in the guest that could be told; bind its interface's name if it needs one.");
            }

            return new NicReport(mac, "", "none", addresses, note);
        }

        if (!IsName(name))
        {
            context.Warn($"The network card {mac} is configured by a pattern of names, {name}; its new name may not match.");
            return new NicReport(mac, name, "none", addresses, "The configuration is for names of a pattern; the new name may not match it.");
        }

        if (chosen is null && bound.GetValueOrDefault(name) == mac)
        {
            return new NicReport(mac, name, "none", addresses, "The guest binds the name to the MAC already.");
        }

        string binding = NameFile.Write(context, mac, name);
        if (binding == "none")
        {
            return new NicReport(mac, name, binding, addresses, "The guest has no udev: the kernel names the cards in their order, which is kept.");
        }

        bool isKernelName = name.StartsWith("eth", StringComparison.Ordinal) && context.Source.Nics.Count > 1;
        return new NicReport(mac, name, binding, addresses, isKernelName
            ? "The name is bound to the MAC; as the kernel gives out names of this kind too, keep the order of the cards."
            : "The name is bound to the MAC.");
    }

    private static bool IsPhysical(NetworkInfo network) => IsName(network.InterfaceName) && PhysicalName().IsMatch(network.InterfaceName);

    internal static bool IsName(string name) => name.Length is > 0 and <= 15 && name is not ("." or "..") && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static IReadOnlyList<string> Addresses(IReadOnlyList<NetworkInfo> networks) =>
        [.. networks.SelectMany(n => n.Method == "dhcp" && n.Addresses.Count == 0 ? ["dhcp"] : n.Addresses).Distinct()];

    [GeneratedRegex(@"(?m)^network:\s*(?:\{\s*config:\s*disabled|\r?\n\s+config:\s*disabled)", RegexOptions.CultureInvariant)]
    private static partial Regex CloudNetworkDisabled();

    [GeneratedRegex("^(?:eth[0-9]+|en[opsxP][0-9a-zA-Z]+|em[0-9]+|p[0-9]+p[0-9]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex PhysicalName();
}
