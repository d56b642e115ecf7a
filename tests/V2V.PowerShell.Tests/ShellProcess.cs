using System.Diagnostics;
using V2V.Testing;

namespace V2V.PowerShell.Tests;

/// <summary>A running <c>v2v</c> whose temporary folder is the test's own.</summary>
internal sealed class ShellProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    /// <param name="script">What it runs.</param>
    /// <param name="temporaryFolder">Its temporary folder.</param>
    public ShellProcess(string script, string temporaryFolder)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Shell, "-Command", script])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment[OperatingSystem.IsWindows() ? "TEMP" : "TMPDIR"] = temporaryFolder;

        // The runtime's own pipes would stay behind in the folder after a kill.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Everything that it printed, once it has ended.</summary>
    public string Text => _output.Result + _errors.Result;

    /// <summary>Bytes that it has read by now.</summary>
    public long BytesRead
    {
        get
        {
            string line = File.ReadLines($"/proc/{_process.Id}/io").First(l => l.StartsWith("rchar:", StringComparison.Ordinal));
            return long.Parse(line.AsSpan(6), System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Waits until something is so; false if the process ends before.</summary>
    public bool WaitUntil(Func<bool> condition)
    {
        while (!_process.HasExited)
        {
            if (condition())
            {
                return true;
            }

            Thread.Sleep(10);
        }

        return false;
    }

    /// <summary>Sends a signal, by the shell: kill as a program is not everywhere.</summary>
    public void Send(string signal) => Tool.Run("sh", "-c", $"kill -{signal} {_process.Id}");

    /// <summary>Waits for the end. False after a long while: it hangs.</summary>
    public bool WaitForExit() => _process.WaitForExit(TimeSpan.FromMinutes(3));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
