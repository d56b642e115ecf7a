using System.Collections;
using System.Management.Automation;

namespace V2V.Shell.Commands;

/// <summary>Write-Output: objects into the pipeline.</summary>
[Cmdlet(VerbsCommunications.Write, "Output")]
public sealed class WriteOutputCommand : PSCmdlet
{
    /// <summary>The objects.</summary>
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    [AllowNull]
    [AllowEmptyCollection]
    public PSObject[]? InputObject { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteObject(InputObject, enumerateCollection: true);
}

/// <summary>Write-Host: text for the user's eyes, past the pipeline.</summary>
[Cmdlet(VerbsCommunications.Write, "Host")]
public sealed class WriteHostCommand : PSCmdlet
{
    /// <summary>What to show.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    public object? Object { get; set; }

    /// <summary>Stay on the line.</summary>
    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        object? value = Object is PSObject wrapped ? wrapped.BaseObject : Object;
        string text = value is IEnumerable items and not string
            ? string.Join(' ', items.Cast<object>().Select(i => LanguagePrimitives.ConvertTo<string>(i)))
            : LanguagePrimitives.ConvertTo<string>(Object);
        Host.UI.Write(NoNewline ? text : text + Environment.NewLine);
    }
}
