using V2V.FileSystems;

namespace V2V.Core.Conversion.Linux;

/// <summary>Keeps a service from starting, offline, under every init system: what enables it is removed, the service itself stays for its package.</summary>
internal static class ServiceSwitch
{
    /// <summary>Where a service that is enabled has a link: systemd, runlevels of Debian, Red Hat and SUSE, OpenRC, runit. <c>{0}</c> is the unit, <c>{1}</c> the plain name.</summary>
    private static readonly string[] s_links =
    [
        "/etc/systemd/system/*.wants/{0}", "/etc/systemd/system/*.requires/{0}", "/etc/rc?.d/S??{1}", "/etc/rcS.d/S??{1}", "/etc/rc.d/rc?.d/S??{1}", "/etc/init.d/rc?.d/S??{1}",
        "/etc/init.d/boot.d/S??{1}", "/etc/runlevels/*/{1}", "/etc/runit/runsvdir/*/{1}", "/var/service/{1}",
    ];

    internal static void Disable(ConversionContext context, string service, string reason)
    {
        string unit = service.Contains(".mount", StringComparison.Ordinal) ? service : service + ".service";
        foreach (string pattern in s_links)
        {
            foreach (string path in context.Tree.Glob(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, unit, service)))
            {
                context.Editor.Delete(path, reason);
            }
        }

        // An alias of an enabled unit is a link beside it; a file is the installer's own unit and stays for its uninstaller.
        if (context.Tree.TryGetEntry("/etc/systemd/system/" + unit, followLinks: false)?.Type == GuestFileType.SymbolicLink && context.Tree.ReadLink("/etc/systemd/system/" + unit) != "/dev/null")
        {
            context.Editor.Delete("/etc/systemd/system/" + unit, reason);
        }

        // Upstart starts what its job says, unless a file beside it says otherwise.
        if (context.Tree.FileExists($"/etc/init/{service}.conf") && context.Inspection.InitSystem == "upstart")
        {
            context.Editor.WriteText($"/etc/init/{service}.override", "manual\n", reason);
        }
    }
}
