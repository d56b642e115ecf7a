using V2V.Core.Conversion.Windows.GuestAdditions;

namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>
/// Removes an old hypervisor's guest additions by means that work away from it. VMware Tools' uninstaller refuses to run elsewhere (1603) and rolls
/// back, so its files, services, driver packages and its registration with Windows Installer are deleted; others are asked to uninstall themselves
/// first.
/// </summary>
internal static class AdditionsScript
{
    private const int NotInstalled = 1605;
    private const int NewWords = 14393;

    /// <summary>The script for one product.</summary>
    /// <param name="found">What there is of it.</param>
    /// <param name="version">Version of Windows.</param>
    /// <param name="order">Place among the scripts.</param>
    internal static FirstBootScript Make(AdditionsFound found, Version version, int order)
    {
        AdditionsProduct product = AdditionsProduct.All.First(p => p.Name == found.Product);
        List<string> lines = ["@echo off", "setlocal EnableExtensions DisableDelayedExpansion"];
        if (found.Product != "VMware Tools")
        {
            lines.AddRange(found.Entries.SelectMany(Uninstall));
        }

        foreach (string service in found.Services.Where(s => BatchText.IsPlain(s) && !product.DeviceFilters.Contains(s, StringComparer.OrdinalIgnoreCase)))
        {
            lines.Add($"sc stop {BatchText.Quote(service)} >nul 2>&1");
            lines.Add($"sc delete {BatchText.Quote(service)}");
        }

        foreach (string package in found.DriverPackages.Where(BatchText.IsPlain))
        {
            lines.Add(version.Major < 6 ? $"del /f \"%SystemRoot%\\inf\\{package}\""
                : version.Major >= 10 && version.Build >= NewWords ? $"pnputil.exe /delete-driver {BatchText.Quote(package)} /uninstall /force"
                : $"pnputil.exe -f -d {BatchText.Quote(package)}");
        }

        foreach (string code in found.Entries.Select(e => e.ProductCode).OfType<string>().Distinct(StringComparer.OrdinalIgnoreCase))
        {
            lines.AddRange(InstallerRegistration.Delete(code));
        }

        foreach (string key in found.Entries.Where(e => e.ProductCode is null && BatchText.IsPlain(e.Key)).Select(e => e.Key))
        {
            lines.Add($"reg delete {BatchText.Quote(@"HKLM\" + key)} /f 2>nul");
        }

        lines.AddRange(found.Folders.Where(BatchText.IsPlain).Select(f => $"if exist {BatchText.Quote(f)} rd /s /q {BatchText.Quote(f)}"));
        lines.Add("exit /b 0");
        return new FirstBootScript(order, "remove-" + found.Product.ToLowerInvariant().Replace(' ', '-'), string.Join('\n', lines) + "\n");
    }

    private static IEnumerable<string> Uninstall(InstalledProgram program)
    {
        if (program.ProductCode is { } code)
        {
            if (program.Name.Contains("Parallels", StringComparison.OrdinalIgnoreCase) || program.Name.Contains("Virtuozzo", StringComparison.OrdinalIgnoreCase))
            {
                // Its uninstaller counts the disks that its driver serves, and refuses while the count is not zero.
                yield return @"reg delete HKLM\SYSTEM\CurrentControlSet\Services\prl_strg\DriverInfo /v RefCount /f >nul 2>&1";
                yield return $"msiexec /x {code} /qn /norestart REBOOT=ReallySuppress REMOVE=ALL PREVENT_REBOOT=Yes LAUNCHED_BY_SETUP_EXE=Yes";
            }
            else
            {
                yield return $"msiexec /x {code} /qn /norestart REBOOT=ReallySuppress";
            }

            yield return $"if not %ERRORLEVEL%==0 if not %ERRORLEVEL%=={FirstBootScript.Restart} if not %ERRORLEVEL%=={NotInstalled} echo {code}: msiexec ended with %ERRORLEVEL%; what is left of it is deleted";
        }
        else if (ProgramOf(program.UninstallCommand) is { } path)
        {
            // Red Hat's uninstaller starts a copy of itself, with an underscore, which is the one that can be waited for.
            string real = path.EndsWith(@"\uninst.exe", StringComparison.OrdinalIgnoreCase) && program.Name.StartsWith("Red Hat Paravirtualized", StringComparison.Ordinal)
                ? path[..^"uninst.exe".Length] + "_uninst.exe"
                : path;
            yield return $"if exist {BatchText.Quote(real)} start \"\" /wait {BatchText.Quote(real)} /S";
        }
    }

    /// <summary>The program of a command, if it is an executable by its full path.</summary>
    private static string? ProgramOf(string command)
    {
        string path = command.StartsWith('"') ? command[1..].Split('"')[0] : command;
        int end = path.IndexOf(".exe", StringComparison.OrdinalIgnoreCase);
        path = end < 0 ? "" : path[..(end + 4)];
        return BatchText.IsPlain(path) && path.Length > 3 && path[1..3] == @":\" ? path : null;
    }
}
