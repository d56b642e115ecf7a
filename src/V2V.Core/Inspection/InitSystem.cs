using V2V.Core.Guest;

namespace V2V.Core.Inspection;

/// <summary>The program that runs as process 1.</summary>
internal static class InitSystem
{
    private static readonly (string Part, string Name)[] s_programs =
        [("systemd", "systemd"), ("upstart", "upstart"), ("openrc", "openrc"), ("runit", "runit"), ("dinit", "dinit"), ("s6-", "s6")];

    /// <summary><c>systemd</c>, <c>upstart</c>, <c>openrc</c>, <c>runit</c>, <c>sysvinit</c>, … or empty.</summary>
    internal static string Detect(GuestTree tree)
    {
        string? init = tree.ResolvePath("/sbin/init") ?? tree.ResolvePath("/usr/sbin/init") ?? tree.ResolvePath("/init");
        foreach ((string part, string name) in s_programs)
        {
            if (init is not null && init.Contains(part, StringComparison.Ordinal))
            {
                return name;
            }
        }

        if (tree.FileExists("/sbin/openrc") || tree.FileExists("/usr/sbin/openrc"))
        {
            return "openrc";
        }

        if (tree.FileExists("/sbin/initctl") && tree.DirectoryExists("/etc/init"))
        {
            return "upstart";
        }

        if (init is not null)
        {
            return tree.FileExists("/etc/inittab") || tree.DirectoryExists("/etc/init.d") || tree.DirectoryExists("/etc/rc.d") ? "sysvinit" : "";
        }

        return tree.FileExists("/lib/systemd/systemd") || tree.FileExists("/usr/lib/systemd/systemd") ? "systemd" : "";
    }
}
