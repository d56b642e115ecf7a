namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>
/// The program that runs the first boot's scripts in their order: plain cmd.exe with what every Windows since XP has. It counts boots and tries, so
/// that a script that never succeeds cannot make the guest restart for ever, and removes itself, its service and its folder at the end.
/// </summary>
internal static class FirstBootController
{
    /// <summary>Boots after which it gives up what is left.</summary>
    internal const int MaxBoots = 6;

    /// <summary>Times that a script may ask to run again.</summary>
    internal const int MaxTries = 3;

    /// <summary>Its text, with LF line ends.</summary>
    internal static string Text { get; } = $$"""
        @echo off
        setlocal EnableExtensions DisableDelayedExpansion
        set "V2V={{FirstBootFolder.InGuest}}"
        set "LOG={{FirstBootFolder.Log}}"
        cd /d "%V2V%"
        if not exist scripts exit /b 1
        call :run >>"%LOG%" 2>&1
        if not exist "%V2V%\finished" exit /b 0
        rem A running batch file cannot delete its own folder.
        start "" /b "%ComSpec%" /d /c "ping -n 3 127.0.0.1 >nul & cd /d "%SystemRoot%" & rd /s /q "%V2V%""
        exit /b 0

        :run
        set BOOT=0
        if exist boot.txt set /p BOOT=<boot.txt
        set /a BOOT=BOOT+1
        >boot.txt echo %BOOT%
        echo %DATE% %TIME% first boot, start %BOOT%
        set RESTART=
        set LEFT=
        if %BOOT% gtr {{MaxBoots}} (
          echo giving up what is left:
          dir /b /on scripts
          goto :finish
        )
        for /f "delims=" %%s in ('dir /b /on scripts\*.cmd 2^>nul') do call :script "%V2V%\scripts\%%s" "%%~ns"
        if defined RESTART (
          echo %DATE% %TIME% Windows restarts
          shutdown /r /f /t 5
          goto :eof
        )

        :finish
        echo %DATE% %TIME% finished
        >finished echo finished
        sc delete {{FirstBootService.Name}} >nul
        goto :eof

        :script
        set TRIES=0
        if exist "%~1.tries" set /p TRIES=<"%~1.tries"
        set /a TRIES=TRIES+1
        >"%~1.tries" echo %TRIES%
        echo %DATE% %TIME% %~2
        "%ComSpec%" /d /c ""%~1""
        set CODE=%ERRORLEVEL%
        echo %DATE% %TIME% %~2 ended with %CODE%
        if %CODE%=={{FirstBootScript.Again}} if %TRIES% lss {{MaxTries}} (
          set RESTART=yes
          goto :eof
        )
        if %CODE%=={{FirstBootScript.Restart}} set RESTART=yes
        move /y "%~1" "%V2V%\done" >nul
        if exist "%~1" del /f "%~1"
        del /f "%~1.tries" >nul 2>&1
        goto :eof

        """;
}
