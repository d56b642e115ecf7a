using System.Management.Automation;
using V2V.Core.Conversion;
using V2V.Core.Working;

namespace V2V.PowerShell;

/// <summary>Remove-V2VOverlay: deletes the overlays of a conversion that is not to be exported.</summary>
[Cmdlet(VerbsCommon.Remove, "V2VOverlay", SupportsShouldProcess = true)]
public sealed class RemoveV2VOverlayCommand : V2VCmdlet
{
    /// <summary>The converted machine.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public V2VOverlay Overlay { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        V2VOverlay overlay = Overlay;
        if (overlay.WorkingDirectory.Length > 0 && ShouldProcess(overlay.Name, "Delete the overlays"))
        {
            TryRun(overlay, _ => Delete(overlay), out _);
        }
    }

    private static bool Delete(V2VOverlay overlay)
    {
        WorkArea.Delete(overlay.WorkingDirectory);
        return true;
    }
}
