using System.Management.Automation;
using V2V.Core;
using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;

namespace V2V.PowerShell;

/// <summary>Convert-V2VGuest: makes a guest boot on KVM, by edits in overlays on top of the untouched source.</summary>
[Cmdlet(VerbsData.Convert, "V2VGuest", SupportsShouldProcess = true, DefaultParameterSetName = SourceSet)]
[OutputType(typeof(V2VOverlay))]
public sealed class ConvertV2VGuestCommand : V2VCmdlet
{
    private const string SourceSet = "Source";
    private const string InspectionSet = "Inspection";
    private readonly List<string> _workAreas = [];

    /// <summary>The machine.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = SourceSet)]
    public V2VSource Source { get; set; } = null!;

    /// <summary>The machine as Get-V2VInspection found it.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = InspectionSet)]
    public V2VInspection Inspection { get; set; } = null!;

    /// <summary>Which operating system to convert if there are several: first, single, or the device of its root.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(Completion.RootCompleter))]
    public string? Root { get; set; }

    /// <summary>A package file of the QEMU guest agent that the first boot installs; without it the guest's repository is asked.</summary>
    [Parameter]
    public string? GuestAgentPackage { get; set; }

    /// <summary>The virtio drivers for a Windows guest: virtio-win's ISO file, or the folder that its files are in.</summary>
    [Parameter]
    public string? VirtioWin { get; set; }

    /// <summary>Scripts (.cmd, .bat, .ps1) that a Windows guest runs at its first boot, in this order.</summary>
    [Parameter]
    public string[] FirstBootScript { get; set; } = [];

    /// <summary>A folder with programs for the first boot of a Windows guest: rhsrvany.exe or pvvxsvc.exe, pnp_wait.exe.</summary>
    [Parameter]
    public string? ToolsPath { get; set; }

    /// <summary>Installs no guest agent.</summary>
    [Parameter]
    public SwitchParameter NoGuestAgent { get; set; }

    /// <summary>Leaves the other hypervisor's guest tools in place.</summary>
    [Parameter]
    public SwitchParameter KeepGuestTools { get; set; }

    /// <summary>Bus that the disks should sit on.</summary>
    [Parameter]
    public BlockBus BlockBus { get; set; } = BlockBus.VirtioBlk;

    /// <summary>Interface names by MAC address (@{'52:54:00:12:34:56' = 'ens192'}) where they cannot be told from the guest.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(Completion.InterfaceNameCompleter))]
    public System.Collections.Hashtable InterfaceName { get; set; } = [];

    /// <summary>Addresses of network cards: 'MAC:ip:ADDRESS,GATEWAY,LENGTH,DNS', or a dictionary with MacAddress, Address, PrefixLength, Gateway, DnsServers.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(Completion.StaticAddressCompleter))]
    public StaticAddress[] StaticAddress { get; set; } = [];

    /// <summary>Copies free blocks too.</summary>
    [Parameter]
    public SwitchParameter NoTrim { get; set; }

    /// <summary>Folder for the overlays; the temporary folder if not given.</summary>
    [Parameter]
    public string? WorkingDirectory { get; set; }

    /// <summary>Keys of encrypted volumes: a dictionary from 'all', a volume's UUID or a device to a SecureString or the path of a key file; or 'SELECTOR:file:PATH'.</summary>
    [Parameter]
    public object[] Key { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        V2VSource source = ParameterSetName == InspectionSet ? Inspection.Source : Source;
        if (IsWhatIf)
        {
            ShowPlan(source);
        }
        else if (ShouldProcess(source.Name, "Convert the guest for KVM") && TryRun(source, observer => Convert(source, observer, whatIf: false), out V2VOverlay overlay))
        {
            WriteObject(overlay);
        }
    }

    /// <summary>After Ctrl-C nobody holds the overlays that this pipeline made: they go too.</summary>
    protected override void Dispose(bool disposing)
    {
        if (IsStopped)
        {
            DeleteWorkAreas();
        }

        base.Dispose(disposing);
    }

    private void DeleteWorkAreas()
    {
        foreach (string path in _workAreas)
        {
            try
            {
                WorkArea.Delete(path);
            }
            catch (V2VException)
            {
                // Still open somewhere: it goes at module removal or with the next sweep.
            }
        }

        _workAreas.Clear();
    }

    private bool IsWhatIf =>
        MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? bound)
            ? ((SwitchParameter)bound).IsPresent
            : LanguagePrimitives.IsTrue(SessionState.PSVariable.GetValue("WhatIfPreference"));

    // Each change is put to ShouldProcess, which under -WhatIf prints it in the user's language and does nothing else.
    private void ShowPlan(V2VSource source)
    {
        if (!TryRun(source, observer => Convert(source, observer, whatIf: true), out V2VOverlay plan))
        {
            return;
        }

        foreach (GuestChange change in plan.Changes)
        {
            ShouldProcess($"{source.Name}:{change.Path}", $"{change.Kind} ({change.Step}): {change.Reason}");
        }
    }

    private V2VOverlay Convert(V2VSource source, IOperationObserver observer, bool whatIf)
    {
        source = KeySelectors.Apply(this, source, Key);
        V2VInspection inspection = ParameterSetName == InspectionSet && Key.Length == 0
            ? Inspection
            : GuestInspector.Inspect(source, new InspectionOptions { Root = Root }, observer);
        V2VOverlay overlay = GuestConverter.Convert(inspection, Options(whatIf), observer);
        if (overlay.WorkingDirectory.Length > 0)
        {
            _workAreas.Add(overlay.WorkingDirectory);
        }

        return overlay;
    }

    private ConversionOptions Options(bool whatIf) => new()
    {
        WhatIf = whatIf,
        Root = Root,
        WorkingDirectory = WorkingDirectory is null ? null : HostPaths.Literal(this, WorkingDirectory),
        GuestAgentPackage = GuestAgentPackage is null ? null : HostPaths.Literal(this, GuestAgentPackage),
        VirtioWin = VirtioWin is null ? null : HostPaths.Literal(this, VirtioWin),
        FirstBootScripts = [.. FirstBootScript.Select(path => HostPaths.Literal(this, path))],
        ToolsPath = ToolsPath is null ? null : HostPaths.Literal(this, ToolsPath),
        InstallGuestAgent = !NoGuestAgent,
        KeepGuestTools = KeepGuestTools,
        PreferredBus = BlockBus,
        Trim = !NoTrim,
        StaticAddresses = StaticAddress,
        NicBindings = [.. InterfaceName.Keys.Cast<object>().Select(mac => new NicBinding(mac.ToString()!, InterfaceName[mac]?.ToString() ?? ""))],
    };
}
