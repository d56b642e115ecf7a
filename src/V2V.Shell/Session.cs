using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.InteropServices;
using V2V.Shell.Commands;
using V2V.Shell.Host;

namespace V2V.Shell;

/// <summary>One runspace with the V2V module imported; runs one script and shows what it gives.</summary>
internal sealed class Session : IDisposable
{
    private const int ExitCodeError = 1;
    private const int ExitCodeStopped = 130;

    private readonly ConsoleHost _host = new();
    private readonly Runspace _runspace;

    public Session()
    {
        InitialSessionState state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows())
        {
            // The user said what to run on the command line; a policy that guards double-clicks on scripts has no say in it.
            state.ExecutionPolicy = Microsoft.PowerShell.ExecutionPolicy.Bypass;
        }

        CommandTable.AddTo(state);
        _runspace = RunspaceFactory.CreateRunspace(_host, state);
        _runspace.Open();
        Runspace.DefaultRunspace = _runspace;
    }

    /// <summary>Runs a script; the returned value is the process's exit code.</summary>
    public int Run(string script)
    {
        using var stop = new CancellationTokenSource();
        void OnCancel(object? sender, ConsoleCancelEventArgs e)
        {
            e.Cancel = true;
            stop.Cancel();
        }

        Console.CancelKeyPress += OnCancel;
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });
        try
        {
            Invoke("Import-Module -Name " + Quoted(ModulePath), stop.Token);
            if (!_host.ShownError)
            {
                Invoke(script, stop.Token);
            }

            return _host.ExitCode ?? (stop.IsCancellationRequested ? ExitCodeStopped : _host.ShownError ? ExitCodeError : 0);
        }
        finally
        {
            Invoke("Get-Module V2V | Remove-Module", CancellationToken.None);
            Console.CancelKeyPress -= OnCancel;
        }
    }

    public void Dispose() => _runspace.Dispose();

    private static string ModulePath => Path.Combine(AppContext.BaseDirectory, "Modules", "V2V", "V2V.psd1");

    private static string Quoted(string path) => "'" + path.Replace("'", "''", StringComparison.Ordinal) + "'";

    private void Invoke(string script, CancellationToken stop)
    {
        using var shell = PowerShell.Create(_runspace);
        shell.AddScript(script);
        shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        shell.AddCommand("Out-Default");
        using CancellationTokenRegistration registration = stop.Register(() => shell.BeginStop(null, null));
        try
        {
            stop.ThrowIfCancellationRequested();
            shell.Invoke();
        }
        catch (Exception error) when (error is PipelineStoppedException or OperationCanceledException)
        {
        }
        catch (RuntimeException error)
        {
            Show(error.ErrorRecord);
        }
    }

    private void Show(ErrorRecord error)
    {
        using var shell = PowerShell.Create(_runspace);
        var record = PSObject.AsPSObject(error);
        record.Properties.Add(new PSNoteProperty("writeErrorStream", true));
        shell.AddCommand("Out-Default").Invoke(new[] { record });
        _host.ShownError = true;
    }
}
