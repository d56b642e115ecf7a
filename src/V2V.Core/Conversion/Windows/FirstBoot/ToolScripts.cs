namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>Scripts for programs of <c>-ToolsPath</c>, which are used as virt-v2v uses them.</summary>
internal static class ToolScripts
{
    /// <summary>Waits until Windows has looked at all new devices.</summary>
    internal const string PnpWaitProgram = "pnp_wait.exe";

    /// <summary>SUSE's Virtual Machine Driver Pack, an archive that unpacks itself.</summary>
    internal const string VmdpProgram = "vmdp.exe";

    /// <summary>The application provisioning tool of Red Hat Virtualization.</summary>
    internal const string RhevAptProgram = "rhev-apt.exe";

    /// <summary>The wizard for new hardware stays away while it waits (Windows XP and 2003), and is as before afterwards.</summary>
    /// <param name="hardwareWizard">The value that keeps the wizard away; null if there is no wizard.</param>
    /// <param name="before">What the value was; null if it was not there.</param>
    internal static FirstBootScript PnpWait((string Key, string Name)? hardwareWizard, uint? before)
    {
        string restore = hardwareWizard is not var (key, name) ? ""
            : before is { } number ? FormattableString.Invariant($"reg add \"HKLM\\{key}\" /v {name} /t REG_DWORD /d {number} /f\n")
            : $"reg delete \"HKLM\\{key}\" /v {name} /f\n";
        return new FirstBootScript(500, "pnp-wait", $"@echo off\n\"{FirstBootFolder.InGuest}\\files\\{PnpWaitProgram}\"\n{restore}exit /b 0\n");
    }

    /// <summary>The value that keeps the wizard for new hardware away: a policy in Windows XP, a parameter of Plug and Play in 5.2.</summary>
    internal static (string Hive, string Key, string Name)? HardwareWizard(Version version) => (version.Major, version.Minor) switch
    {
        (5, <= 1) => ("SOFTWARE", @"Policies\Microsoft\Windows\DeviceInstall\Settings", "SuppressNewHWUI"),
        (5, _) => ("SYSTEM", @"Services\PlugPlay\Parameters", "SuppressUI"),
        _ => null,
    };

    /// <summary>Unpacks the driver pack and sets it up; the second time, after a restart, the setup finishes.</summary>
    internal static FirstBootScript Vmdp { get; } = new(1500, "vmdp", $"""
        @echo off
        setlocal EnableExtensions DisableDelayedExpansion
        cd /d "{FirstBootFolder.InGuest}\files"
        if not exist VMDP-* {VmdpProgram}
        set FOLDER=
        for /d %%d in (VMDP-*) do set "FOLDER=%%d"
        if not defined FOLDER exit /b 1
        cd "%FOLDER%"
        setup.exe /eula_accepted /no_reboot
        echo setup.exe ended with %ERRORLEVEL%
        if exist ..\vmdp.second exit /b 0
        >..\vmdp.second echo once more after the restart
        exit /b {FirstBootScript.Again}

        """);

    /// <summary>Installs the tool and starts its service.</summary>
    internal static FirstBootScript RhevApt { get; } = new(5200, "rhev-apt", $"""
        @echo off
        "{FirstBootFolder.InGuest}\files\{RhevAptProgram}" /S /v/qn
        net start rhev-apt
        exit /b 0

        """);
}
