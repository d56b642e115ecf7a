using V2V.Core.Guest;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>The programs that build a guest's initramfs, told by their files.</summary>
internal static class InitramfsTool
{
    internal const string InitramfsTools = "initramfs-tools";
    internal const string Dracut = "dracut";
    internal const string SuseMkinitrd = "mkinitrd-suse";
    internal const string RedHatMkinitrd = "mkinitrd";
    internal const string MakeInitrd = "make-initrd";
    internal const string Mkinitcpio = "mkinitcpio";
    internal const string Booster = "booster";
    internal const string Mkinitfs = "mkinitfs";
    internal const string TinyInitramfs = "tiny-initramfs";

    private static readonly string[] s_directories = ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];

    private static readonly (string Name, string[] Programs)[] s_tools =
    [
        (InitramfsTools, ["mkinitramfs"]), (Dracut, ["dracut"]), (MakeInitrd, ["make-initrd"]), (Mkinitcpio, ["mkinitcpio"]),
        (Booster, ["booster"]), (Mkinitfs, ["mkinitfs"]), (TinyInitramfs, ["mktirfs"]),
    ];

    /// <summary>Every tool that the guest has. The two programs called mkinitrd count only without dracut, which brings wrappers of that name.</summary>
    internal static IReadOnlyList<string> Find(GuestTree tree)
    {
        List<string> found = [.. s_tools.Where(t => t.Programs.Any(p => Has(tree, p))).Select(t => t.Name)];
        if (!found.Contains(InitramfsTools) && Has(tree, "update-initramfs") && tree.DirectoryExists("/etc/initramfs-tools"))
        {
            found.Add(InitramfsTools);
        }

        if (!found.Contains(Dracut) && Has(tree, "mkinitrd"))
        {
            // SUSE's reads its list of modules here; Red Hat's makes a script for its own shell.
            if (tree.DirectoryExists("/lib/mkinitrd") || tree.FileExists("/etc/sysconfig/kernel") && tree.ReadAllText("/etc/sysconfig/kernel", 1 << 20).Contains("INITRD_MODULES", StringComparison.Ordinal))
            {
                found.Add(SuseMkinitrd);
            }
            else if (Has(tree, "nash"))
            {
                found.Add(RedHatMkinitrd);
            }
        }

        return found;
    }

    private static bool Has(GuestTree tree, string program) => s_directories.Any(d => tree.FileExists(d + program));
}
