using V2V.Core.Inspection.Distributions;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Inspection.Windows;
using V2V.Storage;

namespace V2V.Core.Inspection;

/// <summary>Chooses the root file system where a machine holds several. Never asks.</summary>
internal static class RootChoice
{
    /// <summary>The chosen root, or null if there is none.</summary>
    /// <exception cref="V2VException"><c>InspectionSeveralRoots</c>, <c>InspectionRootNotFound</c>.</exception>
    internal static VolumeReport? Choose(IReadOnlyList<VolumeReport> roots, string? option, string machine)
    {
        string wanted = string.IsNullOrEmpty(option) ? "single" : option.StartsWith("/dev/", StringComparison.Ordinal) ? option[5..] : option;
        if (wanted is not ("single" or "first"))
        {
            return roots.FirstOrDefault(r => r.Info.Device == wanted) ?? throw new V2VException(
                "InspectionRootNotFound", V2VErrorKind.NotFound, $"{machine} has no root file system on {wanted}; it has {Describe(roots)}.", machine,
                "Name one of the candidates with -Root.");
        }

        if (roots.Count == 0)
        {
            return null;
        }

        return roots.Count == 1 || wanted == "first" ? roots[0] : throw new V2VException(
            "InspectionSeveralRoots", V2VErrorKind.InvalidState, $"{machine} holds several operating systems: {Describe(roots)}.", machine,
            "Choose one with -Root: a device, or first.");
    }

    private static string Describe(IReadOnlyList<VolumeReport> roots) => roots.Count == 0 ? "none" : string.Join(", ", roots.Select(Describe));

    private static string Describe(VolumeReport root)
    {
        string product = root.Tree is null ? ""
            : root.Role == FileSystemRole.WindowsRoot ? WindowsInspection.ReadProduct(root.Tree)
            : DistributionReader.Read(new InspectionContext(root.Tree, [])).Product;
        return product.Length > 0 ? $"{root.Info.Device} ({product})" : root.Info.Device;
    }
}
