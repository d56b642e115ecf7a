using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.DriverStore;
using V2V.FileSystems.Ntfs;

namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>Writes the scripts of the first boot, the program that runs them, and the service that starts it.</summary>
internal sealed class WindowsFirstBootStep : ConversionStep
{
    private const int FirstRemoval = 4000;
    private const int FirstUserScript = 6000;

    /// <summary>Service hosts that virt-v2v knows too; the first that is there is taken.</summary>
    private static readonly string[] s_hosts = ["rhsrvany.exe", "pvvxsvc.exe"];

    internal override string Name => "FirstBoot";

    internal override int Order => 610;

    internal override void Apply(ConversionContext context)
    {
        WindowsGuest windows = context.Windows;
        Version version = context.Inspection.Version;
        List<FirstBootScript?> scripts =
        [
            PnpWait(context),
            HasLooseDrivers(context) ? DriversScript.Make(version) : null,
            CopyTool(context, ToolScripts.VmdpProgram) ? ToolScripts.Vmdp : null,
            NetworkScript.Make(windows.Networks, version.Major < 6),
            .. windows.Additions.Select((found, i) => AdditionsScript.Make(found, version, FirstRemoval + i)),
            Agent(context), Balloon(context),
            CopyTool(context, ToolScripts.RhevAptProgram) ? ToolScripts.RhevApt : null,
            .. context.Options.FirstBootScripts.Select((path, i) => UserScript(context, path, FirstUserScript + (10 * i))),
            DiskPolicyScript.Make(windows.SanPolicy),
        ];
        if (scripts.TrueForAll(s => s is null))
        {
            return;
        }

        foreach (FirstBootScript script in scripts.OfType<FirstBootScript>())
        {
            Write(context, "scripts/" + script.FileName, script.Text);
        }

        Write(context, "done/readme.txt", "Scripts of the first boot that have run.\n");
        Write(context, FirstBootFolder.Controller, FirstBootController.Text);
        string? host = s_hosts.FirstOrDefault(h => CopyTool(context, h));
        FirstBootService.Install(windows, host);
    }

    private static FirstBootScript? PnpWait(ConversionContext context)
    {
        if (!CopyTool(context, ToolScripts.PnpWaitProgram))
        {
            return null;
        }

        if (ToolScripts.HardwareWizard(context.Inspection.Version) is not var (hive, key, name))
        {
            return ToolScripts.PnpWait(null, null);
        }

        if (context.Tree.FileExists(context.Windows.Path($"{FirstBootFolder.Name}/scripts/{ToolScripts.PnpWait(null, null).FileName}")))
        {
            // From a conversion before this one, after which Windows has not run: the script knows what the value was.
            return null;
        }

        uint? before = null;
        foreach (string path in hive == "SYSTEM" ? context.Windows.ControlSets.Select(c => $@"SYSTEM\{c}\{key}") : [$@"{hive}\{key}"])
        {
            before ??= (uint?)context.Windows.Registry.Find(path)?.GetNumber(name);
            context.Windows.Registry.SetNumber(path, name, 1, "No wizard asks for drivers before Windows has looked at all new devices.");
        }

        return ToolScripts.PnpWait((hive == "SYSTEM" ? $@"SYSTEM\CurrentControlSet\{key}" : $@"{hive}\{key}", name), before);
    }

    /// <summary>True if some of the drivers are not in the driver store yet, from where Windows takes them by itself.</summary>
    private static bool HasLooseDrivers(ConversionContext context) =>
        context.Windows.Drivers?.Drivers.Any(d => d.Kept is null && !context.Windows.StagedPackages.Contains(d.Package.Name)) == true;

    private static FirstBootScript? Agent(ConversionContext context)
    {
        if (!context.Options.InstallGuestAgent)
        {
            return null;
        }

        if (context.Options.GuestAgentPackage is { } package)
        {
            using FileStream file = File.OpenRead(package);
            Copy(context, file, Path.GetFileName(package));
            return AgentScript.Agent([Path.GetFileName(package)]);
        }

        IReadOnlyList<LibraryFile> installers = context.Windows.Drivers?.AgentInstallers ?? [];
        if (installers.Count == 0)
        {
            context.Warn("There is no installer of qemu-guest-agent for the guest's architecture among the virtio drivers; give one with -GuestAgentPackage.");
            return null;
        }

        foreach (LibraryFile installer in installers)
        {
            using Stream file = installer.Open();
            Copy(context, file, installer.Name);
        }

        return AgentScript.Agent([.. installers.Select(i => i.Name)]);
    }

    private static FirstBootScript? Balloon(ConversionContext context)
    {
        if (context.Windows.Drivers is not { BalloonService: { } program } drivers || drivers.Find(DriverKind.Balloon) is null)
        {
            return null;
        }

        using Stream file = program.Open();
        context.Editor.CopyFrom(file, context.Windows.Path(DriverStoreStep.SearchFolder + "/blnsvr.exe"), "The balloon's service tells the host how much memory the guest uses.", GuestMode.File);
        return AgentScript.Balloon;
    }

    private static FirstBootScript UserScript(ConversionContext context, string path, int order)
    {
        string name = Path.GetFileName(path);
        using (FileStream file = File.OpenRead(path))
        {
            Copy(context, file, FormattableString.Invariant($"{order}-{name}"));
        }

        string target = $"\"{FirstBootFolder.InGuest}\\files\\{FormattableString.Invariant($"{order}-")}{BatchText.Quote(name)[1..]}";
        string command = name.EndsWith(".ps1", StringComparison.OrdinalIgnoreCase)
            ? $"powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File {target}"
            : $"call {target}";
        return new FirstBootScript(order, "user", $"@echo off\n{command}\nexit /b %ERRORLEVEL%\n");
    }

    private static bool CopyTool(ConversionContext context, string name)
    {
        if (context.Options.ToolsPath is not { } folder || !File.Exists(Path.Combine(folder, name)))
        {
            return false;
        }

        using FileStream file = File.OpenRead(Path.Combine(folder, name));
        Copy(context, file, name);
        return true;
    }

    private static void Copy(ConversionContext context, Stream file, string name) =>
        context.Editor.CopyFrom(file, PathOf(context, "files/" + name), "The first boot needs it.", GuestMode.File);

    private static void Write(ConversionContext context, string path, string text) =>
        context.Editor.WriteText(PathOf(context, path), BatchText.WithLineEnds(text), "What only the guest itself can do is left to its first boot.");

    /// <summary>The path of a file in the folder, which is made first: what lies in it gets its security from there.</summary>
    private static string PathOf(ConversionContext context, string path)
    {
        string folder = context.Windows.Path(FirstBootFolder.Name);
        if (!context.Tree.DirectoryExists(folder))
        {
            context.Editor.CreateDirectory(folder);
            if (context.Tree.Mounts[0].FileSystem is NtfsFileSystem)
            {
                context.Editor.SetAttribute(folder, "system.ntfs_acl", NtfsSecurityDescriptor.SystemAndAdministrators, "What runs as the system is for administrators only.");
            }
        }

        return folder + "/" + path;
    }
}
