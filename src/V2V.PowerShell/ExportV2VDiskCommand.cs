using System.Collections;
using System.Management.Automation;
using V2V.Core.Conversion;
using V2V.Core.Export;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.PowerShell;

/// <summary>Export-V2VDisk: the long copy, and the target's own metadata.</summary>
[Cmdlet(VerbsData.Export, "V2VDisk", SupportsShouldProcess = true, DefaultParameterSetName = LocalSet)]
[OutputType(typeof(V2VExport))]
public sealed class ExportV2VDiskCommand : V2VCmdlet
{
    private const string LocalSet = "Local";
    private const string QemuSet = "Qemu";
    private const string NullSet = "Null";

    /// <summary>A converted machine (V2VOverlay), or a machine as it is (V2VSource).</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>Folder that receives the disks and libvirt XML.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = LocalSet)]
    public string Local { get; set; } = "";

    /// <summary>Folder that receives the disks and a script that boots them with QEMU.</summary>
    [Parameter(Mandatory = true, ParameterSetName = QemuSet)]
    public string Qemu { get; set; } = "";

    /// <summary>Does everything but the writing.</summary>
    [Parameter(Mandatory = true, ParameterSetName = NullSet)]
    public SwitchParameter Null { get; set; }

    /// <summary>Format of the disks.</summary>
    [Parameter(ParameterSetName = LocalSet)]
    [Parameter(ParameterSetName = QemuSet)]
    public ExportFormat Format { get; set; } = ExportFormat.Qcow2;

    /// <summary>Compresses the disks; qcow2 only.</summary>
    [Parameter(ParameterSetName = LocalSet)]
    [Parameter(ParameterSetName = QemuSet)]
    public SwitchParameter Compress { get; set; }

    /// <summary>Compression to use.</summary>
    [Parameter(ParameterSetName = LocalSet)]
    [Parameter(ParameterSetName = QemuSet)]
    public ExportCompression CompressionType { get; set; } = ExportCompression.Zlib;

    /// <summary>Whether zeroes take space on the host.</summary>
    [Parameter(ParameterSetName = LocalSet)]
    [Parameter(ParameterSetName = QemuSet)]
    public ExportAllocation Allocation { get; set; } = ExportAllocation.Sparse;

    /// <summary>Replaces files that exist.</summary>
    [Parameter(ParameterSetName = LocalSet)]
    [Parameter(ParameterSetName = QemuSet)]
    public SwitchParameter Force { get; set; }

    /// <summary>Name of the machine on the target.</summary>
    [Parameter]
    public string? NewName { get; set; }

    /// <summary>Where network cards are connected: the source's network, a MAC or * to a libvirt network or bridge:NAME.</summary>
    [Parameter(ParameterSetName = LocalSet)]
    [Parameter(ParameterSetName = QemuSet)]
    [ArgumentCompleter(typeof(Completion.NetworkMapCompleter))]
    public Hashtable NetworkMap { get; set; } = [];

    /// <summary>Leaves the overlays in place.</summary>
    [Parameter]
    public SwitchParameter KeepOverlay { get; set; }

    /// <summary>Threads that copy; one for each processor if not given.</summary>
    [Parameter]
    [ValidateRange(0, 1024)]
    public int ThrottleLimit { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        object machine = InputObject.BaseObject;
        if (machine is not (V2VOverlay or V2VSource))
        {
            WriteError(Record(
                new V2VException(
                    "ExportInputUnknown",
                    V2VErrorKind.InvalidArgument,
                    $"Export-V2VDisk takes a V2VOverlay or a V2VSource, not {machine.GetType().Name}.",
                    advice: "Pipe what Convert-V2VGuest or Import-V2VSource returns."),
                machine));
            return;
        }

        ExportOptions options = Options();
        string target = options.Target == ExportTarget.Null ? "nothing (-Null)" : options.Directory;
        if (ShouldProcess(machine.ToString(), $"Export to {target}") &&
            TryRun(machine, observer => machine is V2VOverlay overlay ? GuestExporter.Export(overlay, options, observer) : GuestExporter.Export((V2VSource)machine, options, observer), out V2VExport export))
        {
            WriteObject(export);
        }
    }

    private ExportOptions Options() => new()
    {
        Target = ParameterSetName switch { QemuSet => ExportTarget.Qemu, NullSet => ExportTarget.Null, _ => ExportTarget.Local },
        Directory = ParameterSetName switch { QemuSet => HostPaths.Literal(this, Qemu), NullSet => "", _ => HostPaths.Literal(this, Local) },
        Format = Format,
        Compression = Compress || MyInvocation.BoundParameters.ContainsKey(nameof(CompressionType)) ? CompressionType : ExportCompression.None,
        Allocation = Allocation,
        Force = Force,
        NewName = NewName,
        KeepOverlay = KeepOverlay,
        Parallelism = ThrottleLimit,
        NetworkMap = NetworkMap.Keys.Cast<object>().ToDictionary(key => key.ToString()!, key => NetworkMap[key]?.ToString() ?? ""),
    };
}
