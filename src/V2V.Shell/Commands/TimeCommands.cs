using System.Management.Automation;

namespace V2V.Shell.Commands;

/// <summary>Get-Date: now, or a text's date, as a date or in a .NET format.</summary>
[Cmdlet(VerbsCommon.Get, "Date")]
[OutputType(typeof(DateTime), typeof(string))]
public sealed class GetDateCommand : PSCmdlet
{
    /// <summary>Another date than now.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public DateTime? Date { get; set; }

    /// <summary>.NET format of the text.</summary>
    [Parameter]
    public string? Format { get; set; }

    /// <summary>In universal time.</summary>
    [Parameter]
    public SwitchParameter AsUTC { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DateTime date = Date ?? DateTime.Now;
        date = AsUTC ? date.ToUniversalTime() : date;
        WriteObject(Format is null ? date : date.ToString(Format, System.Globalization.CultureInfo.CurrentCulture));
    }
}

/// <summary>Start-Sleep: waits; Ctrl-C ends it.</summary>
[Cmdlet(VerbsLifecycle.Start, "Sleep", DefaultParameterSetName = "Seconds")]
public sealed class StartSleepCommand : PSCmdlet, IDisposable
{
    private readonly ManualResetEventSlim _stop = new();

    /// <summary>Seconds, with fractions.</summary>
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Seconds")]
    [ValidateRange(0.0, int.MaxValue / 1000)]
    public double Seconds { get; set; }

    /// <summary>Milliseconds.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Milliseconds")]
    [Alias("ms")]
    [ValidateRange(0, int.MaxValue)]
    public int Milliseconds { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => _stop.Wait(ParameterSetName == "Seconds" ? (int)(Seconds * 1000) : Milliseconds);

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Set();

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();
}
