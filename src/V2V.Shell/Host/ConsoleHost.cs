using System.Globalization;
using System.Management.Automation.Host;

namespace V2V.Shell.Host;

/// <summary>The engine's view of the console program.</summary>
internal sealed class ConsoleHost : PSHost
{
    private readonly ConsoleUserInterface _ui = new();

    /// <summary>What <c>exit</c> asked for, or null.</summary>
    public int? ExitCode { get; private set; }

    /// <summary>True once an error was shown to the user.</summary>
    public bool ShownError
    {
        get => _ui.ShownError;
        set => _ui.ShownError = value;
    }

    public override string Name => "V2V.Shell";

    public override Version Version { get; } = typeof(ConsoleHost).Assembly.GetName().Version!;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    public override PSHostUserInterface UI => _ui;

    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;

    public override void EnterNestedPrompt() => throw new NotSupportedException("v2v runs scripts; it has no prompt to nest.");

    public override void ExitNestedPrompt() => throw new NotSupportedException("v2v runs scripts; it has no prompt to leave.");

    public override void NotifyBeginApplication()
    {
    }

    public override void NotifyEndApplication()
    {
    }
}
