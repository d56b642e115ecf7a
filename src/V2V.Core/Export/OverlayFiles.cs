using V2V.Core.Conversion;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Storage.Qcow2;

namespace V2V.Core.Export;

/// <summary>The overlays that a conversion left.</summary>
internal static class OverlayFiles
{
    /// <summary>Opens the converted disk, overlay over source, for reading. The source is opened as it was imported, so that a changed one is refused.</summary>
    public static BlockDevice Open(V2VOverlay overlay, int index) =>
        Qcow2Image.Open(overlay.Disks[index].Path, writable: false, overlay.Source.Disks[index].Open());

    /// <summary>Removes the working directory. A failure is a warning: the export is complete.</summary>
    public static void Remove(V2VOverlay overlay, IOperationObserver observer)
    {
        try
        {
            if (overlay.WorkingDirectory.Length > 0)
            {
                WorkArea.Delete(overlay.WorkingDirectory);
            }
        }
        catch (V2VException e)
        {
            observer.Warning($"The overlays in {overlay.WorkingDirectory} could not be removed: {e.Message}");
        }
    }
}
