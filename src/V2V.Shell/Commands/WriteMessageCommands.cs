using System.Management.Automation;

namespace V2V.Shell.Commands;

/// <summary>Write-Warning, Write-Verbose: a message into a stream of its own.</summary>
public abstract class WriteMessageCommand : PSCmdlet
{
    /// <summary>The message.</summary>
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string Message { get; set; } = "";
}

/// <summary>Write-Warning.</summary>
[Cmdlet(VerbsCommunications.Write, "Warning")]
public sealed class WriteWarningCommand : WriteMessageCommand
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteWarning(Message);
}

/// <summary>Write-Verbose.</summary>
[Cmdlet(VerbsCommunications.Write, "Verbose")]
public sealed class WriteVerboseCommand : WriteMessageCommand
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteVerbose(Message);
}

/// <summary>Write-Error: a non-terminating error.</summary>
[Cmdlet(VerbsCommunications.Write, "Error")]
public sealed class WriteErrorCommand : WriteMessageCommand
{
    /// <summary>Category.</summary>
    [Parameter]
    public ErrorCategory Category { get; set; } = ErrorCategory.NotSpecified;

    /// <summary>Id.</summary>
    [Parameter]
    public string ErrorId { get; set; } = "Microsoft.PowerShell.Commands.WriteErrorException";

    /// <summary>The object at fault.</summary>
    [Parameter]
    public object? TargetObject { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteError(new ErrorRecord(new RuntimeException(Message), ErrorId, Category, TargetObject));
}
