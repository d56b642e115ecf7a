using V2V.Core.Conversion;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Storage.Qcow2;

namespace V2V.Core.Export;

/// <summary>The overlays that a conversion left, and the work areas to clear once they have served.</summary>
internal static class OverlayFiles
{
    /// <summary>Opens the converted disk, overlay over source, for reading. The source is opened as it was imported, so that a changed one is refused.</summary>
    public static BlockDevice Open(V2VOverlay overlay, int index) =>
        Qcow2Image.Open(overlay.Disks[index].Path, writable: false, overlay.Source.Disks[index].Open());

    /// <summary>Removes a work area that has served: overlays, or disks that had to be unpacked. A failure is a warning: the export is complete.</summary>
    public static void Remove(string? workArea, IOperationObserver observer)
    {
        try
        {
            if (!string.IsNullOrEmpty(workArea))
            {
                WorkArea.Delete(workArea);
            }
        }
        catch (V2VException e)
        {
            observer.Warning($"The temporary files in {workArea} could not be removed: {e.Message}");
        }
    }
}
