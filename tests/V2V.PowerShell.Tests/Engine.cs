using System.Management.Automation;
using System.Management.Automation.Runspaces;
using V2V.Testing;

namespace V2V.PowerShell.Tests;

/// <summary>A PowerShell engine with the module imported, a folder of its own for a test's files, and one for overlays.</summary>
internal sealed class Engine : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Runspace _runspace;

    public Engine()
    {
        InitialSessionState state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows())
        {
            state.ExecutionPolicy = Microsoft.PowerShell.ExecutionPolicy.Bypass;
        }

        _runspace = RunspaceFactory.CreateRunspace(state);
        _runspace.Open();
        Directory.CreateDirectory(WorkingDirectory);
        Invoke("Import-Module -Name $args[0]", Repository.Module);
        Variable("work", WorkingDirectory);
        Variable("out", OutDirectory);
        Variable("ova", Repository.PhonyOva);
    }

    /// <summary>$work in scripts.</summary>
    public string WorkingDirectory => _directory.File("work");

    /// <summary>$out in scripts.</summary>
    public string OutDirectory => _directory.File("out");

    /// <summary>Errors of the last script.</summary>
    public IReadOnlyList<ErrorRecord> Errors { get; private set; } = [];

    /// <summary>Warnings of the last script.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    public string File(string name) => _directory.File(name);

    public void Variable(string name, object value) => _runspace.SessionStateProxy.SetVariable(name, value);

    /// <summary>Runs a script; $args holds the arguments.</summary>
    public IReadOnlyList<PSObject> Invoke(string script, params object[] arguments)
    {
        using PowerShellRun run = Start(script, arguments);
        IReadOnlyList<PSObject> output = [.. run.Shell.Invoke()];
        Errors = [.. run.Shell.Streams.Error];
        Warnings = [.. run.Shell.Streams.Warning.Select(w => w.Message)];
        return output;
    }

    /// <summary>A script that has not been started.</summary>
    public PowerShellRun Start(string script, params object[] arguments)
    {
        System.Management.Automation.PowerShell shell = System.Management.Automation.PowerShell.Create(_runspace);
        shell.AddScript(script);
        foreach (object argument in arguments)
        {
            shell.AddArgument(argument);
        }

        return new PowerShellRun(shell);
    }

    public void Dispose()
    {
        Invoke("Get-Module V2V | Remove-Module");
        _runspace.Dispose();
        _directory.Dispose();
    }
}

/// <summary>A script in the engine.</summary>
internal sealed record PowerShellRun(System.Management.Automation.PowerShell Shell) : IDisposable
{
    public void Dispose() => Shell.Dispose();
}
