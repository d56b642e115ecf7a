using V2V.Core.Conversion.Windows.DriverStore;

namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>Installs the drivers that lie beside Windows and are not needed to start it, by pnputil.</summary>
internal static class DriversScript
{
    /// <summary>The folder that DevicePath names too, as batch files write it.</summary>
    internal static readonly string Folder = DriverStoreStep.SearchFolder.Replace('/', '\\');

    /// <summary>pnputil's words changed in Windows 10 1607.</summary>
    private const int NewWords = 14393;

    /// <summary>The script; null for Windows XP and 2003, which have no pnputil and look into DevicePath by themselves.</summary>
    internal static FirstBootScript? Make(Version version)
    {
        if (version.Major < 6)
        {
            return null;
        }

        bool isNew = version.Major >= 10 && version.Build >= NewWords;
        return new FirstBootScript(1000, "drivers", $$"""
            @echo off
            setlocal EnableExtensions DisableDelayedExpansion
            set CODE=0
            cd /d "%SystemRoot%\{{Folder}}"
            for %%i in (*.inf) do call :install "%%i"
            exit /b %CODE%

            :install
            echo %~1
            pnputil.exe {{(isNew ? "/add-driver \"%CD%\\%~1\" /install" : "-i -a \"%CD%\\%~1\"")}}
            set RESULT=%ERRORLEVEL%
            rem 259: it is there already, in this or a later version.
            if %RESULT%==0 exit /b 0
            if %RESULT%==259 exit /b 0
            if %RESULT%=={{FirstBootScript.Restart}} (
              if %CODE%==0 set CODE={{FirstBootScript.Restart}}
              exit /b 0
            )
            echo %~1: pnputil ended with %RESULT%
            set CODE={{FirstBootScript.Again}}
            exit /b 0

            """);
    }
}
