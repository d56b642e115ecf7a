namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>Installs qemu-guest-agent and the balloon's service.</summary>
internal static class AgentScript
{
    /// <summary>Windows Installer is busy with something else.</summary>
    private const int Busy = 1618;

    /// <summary>Installs the agent from its package in the first boot's folder; the last of them first, until one is taken.</summary>
    internal static FirstBootScript Agent(IReadOnlyList<string> packages)
    {
        string calls = string.Concat(packages.Select(p => $"call :install {BatchText.Quote(p)}\nif not errorlevel 1 exit /b %CODE%\n"));
        return new FirstBootScript(5000, "qemu-guest-agent", $$"""
            @echo off
            setlocal EnableExtensions DisableDelayedExpansion
            cd /d "{{FirstBootFolder.InGuest}}\files"
            {{calls}}exit /b {{FirstBootScript.Again}}

            :install
            set TRIES=0
            :again
            set /a TRIES=TRIES+1
            msiexec /i %1 /qn /norestart /l*v "%~1.log"
            set CODE=%ERRORLEVEL%
            echo %~1: msiexec ended with %CODE%
            if %CODE%==0 exit /b 0
            if %CODE%=={{FirstBootScript.Restart}} exit /b 0
            if %TRIES% geq 30 exit /b 1
            if not %CODE%=={{Busy}} exit /b 1
            ping -n 11 127.0.0.1 >nul
            goto :again

            """);
    }

    /// <summary>Registers the balloon's service program, which lies among the drivers.</summary>
    internal static FirstBootScript Balloon { get; } = new(5100, "balloon", $"""
        @echo off
        "%SystemRoot%\{DriversScript.Folder}\blnsvr.exe" -i
        exit /b %ERRORLEVEL%

        """);
}
