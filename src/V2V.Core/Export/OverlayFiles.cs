using V2V.Core.Conversion;
using V2V.Storage;

namespace V2V.Core.Export;

/// <summary>The overlays that a conversion left.</summary>
internal static class OverlayFiles
{
    /// <summary>Opens the converted disk, overlay over source, for reading.</summary>
    public static BlockDevice Open(V2VOverlay overlay, int index) => throw V2VException.Unsupported("ExportOverlayUnsupported", "Overlays cannot be opened.", overlay.Disks[index].Path);

    /// <summary>Removes the working directory. A failure is a warning: the export is complete.</summary>
    public static void Remove(V2VOverlay overlay, IOperationObserver observer)
    {
        try
        {
            if (overlay.WorkingDirectory.Length > 0)
            {
                Directory.Delete(overlay.WorkingDirectory, recursive: true);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // Removed already.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            observer.Warning($"The overlays in {overlay.WorkingDirectory} could not be removed: {e.Message}");
        }
    }
}
