using System.Management.Automation;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Windows;
using V2V.Core.Sources;

namespace V2V.PowerShell;

/// <summary>Get-V2VInspection: what is inside a machine's disks.</summary>
[Cmdlet(VerbsCommon.Get, "V2VInspection")]
[OutputType(typeof(V2VInspection), typeof(DriveLetterReport))]
public sealed class GetV2VInspectionCommand : V2VCmdlet
{
    /// <summary>The machine.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public V2VSource Source { get; set; } = null!;

    /// <summary>Which operating system to take if there are several: first, single, or the device of its root.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(Completion.RootCompleter))]
    public string? Root { get; set; }

    /// <summary>Keys of encrypted volumes: a dictionary from 'all', a volume's UUID or a device to a SecureString or the path of a key file; or 'SELECTOR:file:PATH'.</summary>
    [Parameter]
    public object[] Key { get; set; } = [];

    /// <summary>Gives the drive letters of a Windows guest, with their volumes, instead of the whole inspection.</summary>
    [Parameter]
    public SwitchParameter DriveLetter { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        V2VSource source = Source;
        var options = new InspectionOptions { Root = Root };
        if (TryRun(source, observer => GuestInspector.Inspect(KeySelectors.Apply(this, source, Key), options, observer), out V2VInspection inspection))
        {
            if (DriveLetter)
            {
                WriteObject(DriveLetterReport.Of(inspection), enumerateCollection: true);
            }
            else
            {
                WriteObject(inspection);
            }
        }
    }
}
