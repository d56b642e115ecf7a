using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;

namespace V2V.Core.Conversion.Linux.Boot;

/// <summary>Where a guest's boot loaders keep kernel command lines. Every path is real, without symbolic links, and named once.</summary>
internal static class BootFiles
{
    private static readonly string[] s_bootRoots = ["/boot", "/boot/efi", "/efi"];

    /// <summary>Menus of GRUB 1 and 2 with the commands that start kernels.</summary>
    internal static IEnumerable<string> Menus(ConversionContext context)
    {
        var files = new InspectionContext(context.Tree, []);
        string[] known = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/custom.cfg", "/boot/grub2/custom.cfg", "/boot/grub/menu.lst", "/boot/grub/grub.conf", "/etc/grub.d/40_custom"];
        string? own = context.Inspection.BootLoader is { Type: "grub1" or "grub2" } loader ? loader.ConfigPath : null;
        return Real(context, [own ?? "", .. known, .. EfiSystem.FindConfigs(files, "grub.cfg"), .. EfiSystem.FindConfigs(files, "grub.conf")]);
    }

    /// <summary>Environment blocks of GRUB 2.</summary>
    internal static IEnumerable<string> Environments(ConversionContext context)
    {
        var files = new InspectionContext(context.Tree, []);
        string own = context.Inspection.BootLoader is { Type: "grub2" } loader ? GuestPath.GetParent(loader.ConfigPath) + "/grubenv" : "";
        return Real(context, [own, "/boot/grub2/grubenv", "/boot/grub/grubenv", .. EfiSystem.FindConfigs(files, "grubenv")]);
    }

    /// <summary>Entries of the Boot Loader Specification, which GRUB's blscfg and systemd-boot read.</summary>
    internal static IEnumerable<string> Entries(ConversionContext context) => Real(context, s_bootRoots.SelectMany(r => context.Tree.Glob(r + "/loader/entries/*.conf")));

    /// <summary>Configurations of extlinux and syslinux, with the files that they include.</summary>
    internal static IEnumerable<string> Syslinux(ConversionContext context)
    {
        string own = context.Inspection.BootLoader is { Type: "extlinux" or "syslinux" } loader ? loader.ConfigPath : "";
        return Real(
            context,
            [own, "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/boot/efi/EFI/syslinux/syslinux.cfg", .. context.Tree.Glob("/boot/extlinux/*.conf")]);
    }

    /// <summary>Settings from which the guest's own tools make the files above, and those of its initramfs.</summary>
    internal static IEnumerable<string> Settings(ConversionContext context) => Real(
        context,
        [
            "/etc/default/grub", .. context.Tree.Glob("/etc/default/grub.d/*.cfg"), "/etc/sysconfig/grub", "/etc/sysconfig/bootloader", "/etc/default/extlinux", "/etc/default/u-boot",
            "/etc/update-extlinux.conf", "/etc/kernel/cmdline", "/usr/lib/kernel/cmdline", .. context.Tree.Glob("/etc/kernel/cmdline.d/*"), .. context.Tree.Glob("/etc/cmdline.d/*.conf"),
            "/etc/dracut.conf", .. context.Tree.Glob("/etc/dracut.conf.d/*.conf"),
        ]);

    private static IEnumerable<string> Real(ConversionContext context, IEnumerable<string> paths) =>
        paths.Where(p => p.Length > 0 && context.Tree.FileExists(p)).Select(p => context.Tree.ResolvePath(p)!).Distinct(StringComparer.Ordinal);
}
