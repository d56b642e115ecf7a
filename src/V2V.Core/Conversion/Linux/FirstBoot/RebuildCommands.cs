using V2V.Core.Inspection;
using V2V.Core.Inspection.Initramfs;

namespace V2V.Core.Conversion.Linux.FirstBoot;

/// <summary>The guest's own commands that rebuild its initramfs images, as lines of the first boot's script.</summary>
internal static class RebuildCommands
{
    private static readonly string[] s_programDirectories = ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];

    private static readonly string[] s_kdumpImages =
        ["/boot/initramfs-*kdump.img", "/boot/initrd-*-kdump", "/boot/initrd-*kdump.img", "/var/lib/kdump/initrd.img-*", "/var/lib/kdump/initramfs-*kdump.img"];

    /// <summary>The commands; none if the guest has no tool that is known.</summary>
    internal static IEnumerable<string> Find(ConversionContext context)
    {
        if (s_programDirectories.Any(d => context.Tree.FileExists(d + "update-initramfs")))
        {
            return ["update-initramfs -u -k all"];
        }

        IReadOnlyList<string> tools = context.Inspection.InitramfsTools;
        string? own = context.Inspection.PackageFormat switch
        {
            "pacman" => InitramfsTool.Mkinitcpio,
            "apk" => InitramfsTool.Mkinitfs,
            _ => InitramfsTool.MakeInitrd,
        };
        return (tools.Contains(own) ? own : tools.FirstOrDefault(t => t != InitramfsTool.InitramfsTools)) switch
        {
            InitramfsTool.Dracut => PerKernel(context, "dracut --force"),
            InitramfsTool.RedHatMkinitrd => PerKernel(context, "mkinitrd -f"),
            InitramfsTool.Mkinitfs => PerKernel(context, "mkinitfs -o"),
            InitramfsTool.MakeInitrd => Kernels(context).Select(k => $"make-initrd -k {k.Version}").Distinct(),
            InitramfsTool.SuseMkinitrd => ["mkinitrd"],
            InitramfsTool.Mkinitcpio => ["mkinitcpio -P"],
            InitramfsTool.Booster => ["/usr/lib/booster/regenerate_images"],
            InitramfsTool.TinyInitramfs => ["update-tirfs"],
            _ => [],
        };
    }

    /// <summary>True if the guest keeps images for kdump.</summary>
    internal static bool HasKdump(ConversionContext context) => s_kdumpImages.Any(p => context.Tree.Glob(p).Count > 0);

    /// <summary>What rebuilds kdump's images: the distribution's own way, else its service, which does so when they are missing.</summary>
    internal static string Kdump => $$"""
        if [ ! -e "$dir/kdump" ]; then
            check
            say "rebuilding the images of kdump"
            if [ -x /etc/kernel/postinst.d/kdump-tools ]; then
                for image in /var/lib/kdump/initrd.img-*; do
                    if [ -f "$image" ]; then /etc/kernel/postinst.d/kdump-tools "${image##*/initrd.img-}"; fi
                done
            elif command -v kdumpctl >/dev/null 2>&1 && kdumpctl rebuild; then
                :
            elif command -v mkdumprd >/dev/null 2>&1 && [ -d /etc/sysconfig/network ] && mkdumprd -f; then
                :
            else
                rm -f {{string.Join(' ', s_kdumpImages)}}
                if [ -d /run/systemd/system ]; then
                    if systemctl -q is-enabled kdump.service 2>/dev/null; then systemctl restart kdump.service; fi
                elif [ -x /etc/init.d/kdump ] && chkconfig kdump 2>/dev/null; then
                    /etc/init.d/kdump restart
                fi
            fi
            : >"$dir/kdump"
        fi

        """;

    private static IEnumerable<string> PerKernel(ConversionContext context, string command) =>
        Kernels(context).Select(k => $"rebuild {k.InitramfsPath} {k.Version} {command}").Distinct();

    /// <summary>Rescue images keep what they hold for every machine, so the appended drivers are enough.</summary>
    private static IEnumerable<KernelInfo> Kernels(ConversionContext context) =>
        context.Inspection.Kernels.Where(k => k.ModulesPath is not null && k.InitramfsPath is { } path && !path.Contains("rescue", StringComparison.Ordinal)
            && context.Tree.FileExists(path) && FirstBootScript.IsPlain(path) && FirstBootScript.IsPlain(k.Version));
}
