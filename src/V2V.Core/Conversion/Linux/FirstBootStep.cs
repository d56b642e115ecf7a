namespace V2V.Core.Conversion.Linux;

/// <summary>
/// What only the guest itself can do is left to its first boot: one service that runs beside the boot, never before it, logs to
/// /var/log/v2v-firstboot.log, and removes itself and all its files when it is done.
/// </summary>
internal sealed class FirstBootStep : ConversionStep
{
    /// <summary>Directory of the script and of packages; goes with the service.</summary>
    internal const string Directory = "/usr/lib/v2v-firstboot";

    private const string AgentPackage = "qemu-guest-agent";
    private const string Unit = "/etc/systemd/system/v2v-firstboot.service";
    private const string InitScript = "/etc/init.d/v2v-firstboot";
    private const string DependencyList = "/etc/init.d/.depend.start";

    private static readonly string[] s_programDirectories = ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];

    internal override string Name => "FirstBoot";

    internal override int Order => 900;

    internal override void Apply(ConversionContext context)
    {
        PlanAgent(context);
        FirstBootPlan plan = context.FirstBoot;
        PlanRebuild(context);
        if (plan.RemovePackages.Count == 0 && plan.Uninstallers.Count == 0 && plan.PackageFiles.Count == 0 && plan.RepositoryPackages.Count == 0 && !plan.RebuildInitramfs)
        {
            return;
        }

        bool isSystemd = context.Inspection.InitSystem == "systemd";
        context.Editor.WriteText(Directory + "/firstboot.sh", FirstBootScript.Build(plan), "What only the guest itself can do is left to its first boot.", GuestMode.Program);
        if (isSystemd)
        {
            context.Editor.WriteText(Unit, FirstBootScript.Unit, "It starts the first boot's script.");
            context.Editor.Link("/etc/systemd/system/multi-user.target.wants/v2v-firstboot.service", Unit, "It enables the service.");
        }
        else
        {
            AddInitScript(context);
        }
    }

    private static void PlanRebuild(ConversionContext context)
    {
        bool Has(string program) => s_programDirectories.Any(d => context.Tree.FileExists(d + program));
        if (!Has("update-initramfs"))
        {
            context.FirstBoot.RebuildCommand = "dracut --regenerate-all --force";
            context.FirstBoot.RebuildInitramfs &= Has("dracut");
        }
    }

    private static void PlanAgent(ConversionContext context)
    {
        if (context.Options.GuestAgentPackage is { } package)
        {
            string target = Directory + "/" + "guest-agent.deb";
            using var source = new FileStream(package, FileMode.Open, FileAccess.Read, FileShare.Read);
            SpaceStep.RequireSpace(context, "/usr/lib", source.Length);
            context.Editor.CopyFrom(source, target, "The guest agent's package is installed at the first boot.", GuestMode.File);
            context.FirstBoot.PackageFiles.Add(target);
        }
        else if (context.Options.InstallGuestAgent && !context.HasPackage(AgentPackage))
        {
            context.FirstBoot.RepositoryPackages.Add(AgentPackage);
        }
    }

    private static void AddInitScript(ConversionContext context)
    {
        const string Reason = "It starts the first boot's script.";
        context.Editor.WriteText(InitScript, FirstBootScript.InitScript, Reason, GuestMode.Program);
        foreach (char level in "2345")
        {
            if (context.Tree.DirectoryExists($"/etc/rc{level}.d"))
            {
                context.Editor.Link($"/etc/rc{level}.d/S99v2v-firstboot", "../init.d/v2v-firstboot", "It enables the service.");
            }
        }

        // startpar runs only what insserv listed.
        context.Editor.EditLines(
            DependencyList, line => line.StartsWith("TARGETS = ", StringComparison.Ordinal) && !line.Contains("v2v-firstboot", StringComparison.Ordinal) ? line.TrimEnd() + " v2v-firstboot" : line, Reason);
    }
}
