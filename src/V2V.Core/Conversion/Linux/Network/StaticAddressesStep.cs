using V2V.Core.Inspection;
using V2V.Core.Inspection.Network;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>
/// Gives network cards the addresses that a user asked for, in the configuration system that the guest uses for the card, or would use for a new one.
/// They replace DHCP and every other address of the card; what else its configuration says stays.
/// </summary>
internal sealed class StaticAddressesStep : ConversionStep
{
    internal const string Reason = "The card was given this address.";

    /// <summary>Which system counts where several know a card.</summary>
    private static readonly string[] s_order = ["netplan", "ifupdown", "networkmanager", "ifcfg", "wicked", "etcnet", "netifrc", "networkd"];

    internal override string Name => "StaticAddresses";

    internal override int Order => 590;

    internal override void Apply(ConversionContext context)
    {
        int unnamed = 0;
        foreach (CardAddresses card in CardAddresses.Check(context.Options.StaticAddresses, context.Inspection.Nics))
        {
            List<NetworkInfo> networks = [.. context.Inspection.Networks.Where(n => n.MacAddress == card.Mac).OrderBy(n => Array.IndexOf(s_order, n.Configuration))];
            NetworkInfo? current = networks.FirstOrDefault();
            string name = context.Options.NicBindings.LastOrDefault(b => MacText.Normalize(b.MacAddress) == card.Mac)?.InterfaceName
                ?? networks.Select(n => n.InterfaceName).FirstOrDefault(n => n.Length > 0 && NetworkNamesStep.IsName(n)) ?? "";
            if (name.Length == 0)
            {
                while (context.Inspection.Networks.Any(n => n.InterfaceName == FormattableString.Invariant($"lan{unnamed}")))
                {
                    unnamed++;
                }

                name = FormattableString.Invariant($"lan{unnamed++}");
            }

            Write(context, card, name, current);
            context.StaticAddresses[card.Mac] = (name, [.. card.Addresses.Select(a => a.ToString())]);
        }
    }

    private static void Write(ConversionContext context, CardAddresses card, string name, NetworkInfo? current)
    {
        string system = current?.Configuration ?? Detect(context);
        string? path = current?.ConfigPath;
        switch (system)
        {
            case "netplan":
                NetplanWriter.Write(context, card, name);
                break;
            case "ifupdown":
                IfupdownWriter.Write(context, card, name, path);
                break;
            case "networkmanager":
                KeyfileWriter.Write(context, card, name, path);
                break;
            case "ifcfg":
                IfcfgWriter.WriteRedHat(context, card, name, path);
                break;
            case "wicked" when path is null || path.StartsWith("/etc/sysconfig/network/", StringComparison.Ordinal):
                IfcfgWriter.WriteSuse(context, card, name, path);
                break;
            case "wicked" when WickedWriter.Write(context, card, name, path):
                break;
            case "etcnet":
                EtcnetWriter.Write(context, card, name);
                break;
            case "netifrc":
                NetifrcWriter.Write(context, card, name);
                break;
            case "networkd":
                NetworkdWriter.Write(context, card, name, path);
                break;
            default:
                throw V2VException.Unsupported(
                    "StaticAddressUnsupported", path is null ? "The guest configures its network in no way that V2V can write an address for." : $"{path} configures the card in a way that V2V cannot change.",
                    card.Mac, "Leave -StaticAddress out and set the address in the guest.");
        }
    }

    /// <summary>The system that a card without a configuration gets one in.</summary>
    private static string Detect(ConversionContext context)
    {
        bool Has(params string[] programs) => programs.Any(p => context.Tree.FileExists("/usr/sbin/" + p) || context.Tree.FileExists("/usr/bin/" + p) || context.Tree.FileExists("/sbin/" + p));
        bool Starts(string unit) => context.Tree.Glob($"/etc/systemd/system/*.wants/{unit}.service").Count > 0;
        string? used = context.Inspection.Networks.OrderBy(n => Array.IndexOf(s_order, n.Configuration)).FirstOrDefault()?.Configuration;
        return used ?? (context.Tree.DirectoryExists("/etc/netplan") && Has("netplan") ? "netplan"
            : Starts("NetworkManager") ? "networkmanager"
            : Starts("systemd-networkd") ? "networkd"
            : context.Tree.DirectoryExists("/etc/sysconfig/network") ? "wicked"
            : context.Tree.DirectoryExists(EtcnetReader.Directory) ? "etcnet"
            : context.Tree.FileExists("/etc/network/interfaces") ? "ifupdown"
            : Has("NetworkManager") ? "networkmanager"
            : context.Tree.DirectoryExists("/etc/sysconfig/network-scripts") ? "ifcfg"
            : context.Tree.FileExists(NetifrcReader.ConfigPath) || context.Tree.FileExists("/etc/init.d/net.lo") ? "netifrc"
            : "");
    }
}
