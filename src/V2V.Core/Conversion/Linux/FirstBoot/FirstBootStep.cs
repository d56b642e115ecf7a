using V2V.Core.Guest;

namespace V2V.Core.Conversion.Linux.FirstBoot;

/// <summary>
/// What only the guest itself can do is left to its first boot: one service that runs beside the boot, never before it, logs to
/// /var/log/v2v-firstboot.log, and removes itself and all its files when it is done.
/// </summary>
internal sealed class FirstBootStep : ConversionStep
{
    /// <summary>Directory of the script and of packages; goes with the service.</summary>
    internal const string Directory = "/usr/lib/v2v-firstboot";

    private const string Reason = "It starts the first boot's script.";
    private const string EnableReason = "It enables the service.";
    private const string Unit = "/etc/systemd/system/v2v-firstboot.service";
    private const string InitScript = "/etc/init.d/v2v-firstboot";

    /// <summary>Where the links of a runlevel are: Debian, Red Hat, SUSE.</summary>
    private static readonly string[] s_runlevels = ["/etc/rc{0}.d", "/etc/rc.d/rc{0}.d", "/etc/init.d/rc{0}.d"];

    private static readonly string[] s_packageSuffixes = [".deb", ".rpm", ".apk", ".xbps", ".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar"];

    internal override string Name => "FirstBoot";

    internal override int Order => 900;

    internal override void Apply(ConversionContext context)
    {
        FirstBootPlan plan = context.FirstBoot;
        plan.PackageFormat = context.Inspection.PackageFormat;
        plan.PackageManager = context.Inspection.PackageManager;
        PlanPackages(context);
        plan.RebuildCommands.AddRange(RebuildCommands.Find(context));
        plan.RebuildInitramfs &= plan.RebuildCommands.Count > 0;
        plan.RebuildKdump = RebuildCommands.HasKdump(context);
        if (plan.IsEmpty)
        {
            return;
        }

        context.Editor.WriteText(Directory + "/firstboot.sh", FirstBootScript.Build(plan), "What only the guest itself can do is left to its first boot.", GuestMode.Program);
        switch (context.Inspection.InitSystem)
        {
            case "systemd":
                context.Editor.WriteText(Unit, ServiceFiles.Unit, Reason);
                context.Editor.Link("/etc/systemd/system/multi-user.target.wants/v2v-firstboot.service", Unit, EnableReason);
                break;
            case "openrc" when context.Tree.DirectoryExists("/etc/runlevels/default"):
                string interpreter = context.Tree.FileExists("/sbin/openrc-run") || context.Tree.FileExists("/usr/bin/openrc-run") || !context.Tree.FileExists("/sbin/runscript") ? "/sbin/openrc-run" : "/sbin/runscript";
                context.Editor.WriteText(InitScript, ServiceFiles.OpenRcScript.Replace("INTERPRETER", interpreter, StringComparison.Ordinal), Reason, GuestMode.Program);
                context.Editor.Link("/etc/runlevels/default/v2v-firstboot", InitScript, EnableReason);
                break;
            case "runit" when context.Tree.DirectoryExists("/etc/runit/runsvdir/default"):
                context.Editor.WriteText("/etc/sv/v2v-firstboot/run", ServiceFiles.RunitScript, Reason, GuestMode.Program);
                context.Editor.Link("/etc/runit/runsvdir/default/v2v-firstboot", "/etc/sv/v2v-firstboot", EnableReason);
                break;
            default:
                AddInitScript(context);
                break;
        }
    }

    private static void PlanPackages(ConversionContext context)
    {
        FirstBootPlan plan = context.FirstBoot;
        string format = plan.PackageFormat;
        string agent = PackageCommands.AgentPackage(format);
        if (!PackageCommands.IsKnown(format))
        {
            if (plan.RemovePackages.Count > 0)
            {
                context.Warn($"Packages of this kind ({format}) are not removed at the first boot: {string.Join(", ", plan.RemovePackages)} stay, but off.");
                plan.RemovePackages.Clear();
            }

            if (context.Options.InstallGuestAgent && !context.HasPackage(agent))
            {
                context.Warn($"Packages of this kind ({format}) are not installed at the first boot; install the QEMU guest agent in the guest.");
            }
        }
        else if (context.Options.GuestAgentPackage is { } package)
        {
            // xbps finds a package by its file's name; for the others the kind is enough.
            string suffix = s_packageSuffixes.FirstOrDefault(s => package.EndsWith(s, StringComparison.OrdinalIgnoreCase)) ?? "." + format;
            string own = Path.GetFileName(package);
            string target = Directory + "/" + (format == "xbps" && FirstBootScript.IsPlain(own) ? own : "guest-agent" + suffix);
            using var source = new FileStream(package, FileMode.Open, FileAccess.Read, FileShare.Read);
            SpaceStep.RequireSpace(context, "/usr/lib", source.Length);
            context.Editor.CopyFrom(source, target, "The guest agent's package is installed at the first boot.", GuestMode.File);
            plan.PackageFiles.Add(target);
        }
        else if (context.Options.InstallGuestAgent && !context.HasPackage(agent))
        {
            plan.RepositoryPackages.Add(agent);
        }
    }

    /// <summary>Runlevels: of SysV, and of Upstart, which runs their scripts too.</summary>
    private static void AddInitScript(ConversionContext context)
    {
        context.Editor.WriteText(InitScript, ServiceFiles.InitScript, Reason, GuestMode.Program);
        bool isEnabled = false;
        foreach (char level in "2345")
        {
            // One of these is often a link to another.
            foreach (string directory in s_runlevels.Select(p => string.Format(System.Globalization.CultureInfo.InvariantCulture, p, level)).Where(context.Tree.DirectoryExists)
                .Select(p => context.Tree.ResolvePath(p)!).Distinct())
            {
                context.Editor.Link($"{directory}/S99v2v-firstboot", context.Tree.ResolvePath(InitScript) is { } script ? Relative(directory, script) : "../init.d/v2v-firstboot", EnableReason);
                isEnabled = true;
            }
        }

        if (!isEnabled)
        {
            context.Warn($"The guest's init system ({(context.Inspection.InitSystem is { Length: > 0 } init ? init : "unknown")}) has no directories of runlevels: run /bin/sh {Directory}/firstboot.sh in it once.");
        }

        // startpar runs only what insserv listed.
        context.Editor.EditLines(
            "/etc/init.d/.depend.start", line => line.StartsWith("TARGETS = ", StringComparison.Ordinal) && !line.Contains("v2v-firstboot", StringComparison.Ordinal) ? line.TrimEnd() + " v2v-firstboot" : line, Reason);
    }

    private static string Relative(string directory, string path)
    {
        string common = GuestPath.GetParent(directory);
        string up = "../";
        while (common != "/" && !path.StartsWith(common + "/", StringComparison.Ordinal))
        {
            common = GuestPath.GetParent(common);
            up += "../";
        }

        return up + path[(common == "/" ? 1 : common.Length + 1)..];
    }
}
