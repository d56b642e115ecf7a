using System.Text;
using V2V.Core.Guest;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Binds an interface's name to a MAC in the way that the guest's own device manager has for it: a .link file, a udev rule, or mdev's table.</summary>
internal static class NameFile
{
    private const string RulesFile = "/etc/udev/rules.d/70-persistent-net.rules";

    /// <summary>Where Debian 4 and Ubuntu of its time have them.</summary>
    private const string OldRulesFile = "/etc/udev/rules.d/z25_persistent-net.rules";

    /// <summary>SUSE 10, whose udev has a program give the name.</summary>
    private const string SuseRulesFile = "/etc/udev/rules.d/30-net_persistent_names.rules";

    private const string LinkDirectory = "/etc/systemd/network";
    private const string Table = "/etc/mactab";

    /// <summary>The first release whose .link files are applied by every udev of this family.</summary>
    private const int FirstWithLinkFiles = 220;

    /// <summary>The first release that matches the address burnt in, which no bridge, bond or VLAN on top shares.</summary>
    private const int FirstWithPermanentAddress = 245;

    /// <summary>The first udev whose rules know ATTR and the kernels of whose time have dev_id.</summary>
    private const int FirstWithAttributes = 98;

    private const string Reason = "The interface's name follows from the PCI topology, which is new; its addresses depend on the name.";

    private static readonly string[] s_udev = ["/usr/bin/udevadm", "/bin/udevadm", "/sbin/udevadm", "/usr/sbin/udevadm", "/sbin/udevd", "/sbin/udev", "/lib/udev/udevd"];

    /// <summary>Writes the binding; <c>link-file</c>, <c>udev-rule</c>, <c>mactab</c>, or <c>none</c> where the kernel's names are all there is.</summary>
    internal static string Write(ConversionContext context, string mac, string name)
    {
        int version = context.SystemdVersion;
        if (version == 0 && !context.HasPackage("udev") && !context.HasPackage("eudev") && !s_udev.Any(context.Tree.FileExists))
        {
            return WriteTable(context, mac, name);
        }

        // A guest that masked this rule, to have the kernel's names, applies no .link files; nor does eudev.
        bool isMasked = context.Tree.TryGetEntry("/etc/udev/rules.d/80-net-setup-link.rules", followLinks: false) is not null;
        return isMasked || version < FirstWithLinkFiles ? WriteRule(context, mac, name, version) : WriteLink(context, mac, name, version);
    }

    private static string WriteLink(ConversionContext context, string mac, string name, int version)
    {
        string card = version >= FirstWithPermanentAddress ? $"PermanentMACAddress={mac}\n" : $"MACAddress={mac}\nDriver={context.Drivers.NetDriver}\n";
        string link = $"# By V2V: the interface keeps the name that its configuration uses.\n[Match]\n{card}\n[Link]\nName={name}\n";
        string file = $"{LinkDirectory}/10-v2v-{name}.link";
        context.Editor.WriteText(file, link, Reason);
        context.InitramfsFiles[file[1..]] = Encoding.ASCII.GetBytes(link);
        return "link-file";
    }

    private static string WriteRule(ConversionContext context, string mac, string name, int version)
    {
        string path = context.Tree.FileExists(OldRulesFile) ? OldRulesFile : context.Tree.FileExists(SuseRulesFile) ? SuseRulesFile : RulesFile;

        // Up to Debian 5 udev's version is 0.something.
        bool isOld = version < FirstWithAttributes && context.HasPackage("udev") && !context.HasPackage("eudev");
        string rule = (isOld, path == SuseRulesFile) switch
        {
            (_, true) => $"SUBSYSTEM==\"net\", ACTION==\"add\", SYSFS{{address}}==\"{mac}\", IMPORT=\"/lib/udev/rename_netiface %k {name}\"",
            (true, _) => $"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", SYSFS{{address}}==\"{mac}\", NAME=\"{name}\"",
            _ => $"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", ATTR{{dev_id}}==\"0x0\", ATTR{{type}}==\"1\", NAME=\"{name}\"",
        };
        string text = TextLines.Append(context.Editor.ReadText(path) ?? "", ["# By V2V: the interface keeps its name.", rule]);
        context.Editor.WriteText(path, text, Reason);
        context.InitramfsFiles[path[1..]] = GuestText.Encode(text);
        return "udev-rule";
    }

    /// <summary>Alpine's mdev runs nameif(8) for every new card, which reads this table.</summary>
    private static string WriteTable(ConversionContext context, string mac, string name)
    {
        if (context.Editor.ReadText("/etc/mdev.conf") is not { } rules || !rules.Split('\n').Any(l => !l.StartsWith('#') && l.Contains("nameif", StringComparison.Ordinal)))
        {
            return "none";
        }

        context.Editor.WriteText(Table, TextLines.Append(context.Editor.ReadText(Table) ?? "", [$"{name} {mac}"]), Reason);
        return "mactab";
    }
}
