using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows;

/// <summary>Whether an inspected Windows guest can be converted at all (convert-windows.md 5.1).</summary>
internal static class WindowsConvertibility
{
    private static readonly Version s_oldest = new(5, 1);

    /// <summary>Refuses what cannot be converted.</summary>
    /// <exception cref="V2VException"><c>ConversionWindowsUnsupported</c>, <c>ConversionRegistryDirty</c>.</exception>
    internal static void Check(V2VInspection inspection)
    {
        if (inspection.Version < s_oldest || inspection.Architecture is not ("i386" or "x86_64" or "aarch64"))
        {
            throw V2VException.Unsupported(
                "ConversionWindowsUnsupported", $"Windows {inspection.Version} on {inspection.Architecture} cannot be converted; Windows XP and later on x86, x64 and ARM64 can.", inspection.Name,
                "Export the disks as they are.");
        }

        if (inspection.Windows!.IsRegistryDirty)
        {
            throw new V2VException(
                "ConversionRegistryDirty", V2VErrorKind.InvalidState, "The guest's registry was left in the middle of a write, and its logs do not mend it.", inspection.Name,
                "Start the guest on its old host, shut it down properly and export it again.");
        }
    }
}
