using V2V.Registry;

namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>
/// The service that starts the first boot's program: one of Windows' own, so that nothing has to be compiled for the guest. cmd.exe starts
/// another cmd.exe beside itself and ends, which the service control manager notes in the event log as a service that did not report; the other one
/// goes on as LocalSystem, without a logon, and no policy for PowerShell has a say. With -ToolsPath a service host of the user's takes its place.
/// </summary>
internal static class FirstBootService
{
    /// <summary>Name of the service.</summary>
    internal const string Name = "v2v-firstboot";

    /// <summary>What the service runs, if it is Windows' own program that starts the controller.</summary>
    internal const string Command = $@"%SystemRoot%\System32\cmd.exe /d /c start ""v2v"" /b %SystemRoot%\System32\cmd.exe /d /c {Controller}";

    private const string Controller = $@"{FirstBootFolder.InGuest}\{FirstBootFolder.Controller}";

    private const string Reason = "It starts what is left to the first boot, and removes itself afterwards.";

    /// <summary>Makes the service in every control set that Windows may start with.</summary>
    /// <param name="windows">The guest.</param>
    /// <param name="host">Name of a service host in the first boot's folder (rhsrvany.exe, pvvxsvc.exe), or null.</param>
    internal static void Install(WindowsGuest windows, string? host)
    {
        foreach (string set in windows.ControlSets)
        {
            string key = $@"SYSTEM\{set}\Services\{Name}";
            windows.Registry.SetNumber(key, "Type", 0x10, Reason);
            windows.Registry.SetNumber(key, "Start", 2, Reason);
            windows.Registry.SetNumber(key, "ErrorControl", 0, Reason);
            windows.Registry.SetText(key, "ImagePath", host is null ? Command : $@"{FirstBootFolder.InGuest}\files\{host} -s {Name}", Reason, RegistryValueType.ExpandString);
            windows.Registry.SetText(key, "DisplayName", "V2V first boot", Reason);
            windows.Registry.SetText(key, "ObjectName", "LocalSystem", Reason);
            if (host is not null)
            {
                string folder = windows.Info.SystemRoot.TrimStart('/').Replace('/', '\\');
                windows.Registry.SetText(key + @"\Parameters", "CommandLine", $@"cmd /d /c ""{windows.SystemDrive}\{folder}\{FirstBootFolder.Name}\{FirstBootFolder.Controller}""", Reason);
                windows.Registry.SetText(key + @"\Parameters", "PWD", $@"{windows.SystemDrive}\{folder}\{FirstBootFolder.Name}", Reason);
            }
        }
    }
}
