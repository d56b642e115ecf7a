using V2V.Core.Conversion.Windows.FirstBoot;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows;

/// <summary>Refuses, before anything is opened, what a user chose for a Windows guest and cannot be done.</summary>
internal static class WindowsOptions
{
    private static readonly string[] s_scripts = [".cmd", ".bat", ".ps1"];

    /// <summary>Checks the paths.</summary>
    /// <exception cref="V2VException"><c>DriverLibraryMissing</c>, <c>FirstBootScriptInvalid</c>, <c>ToolsPathMissing</c>.</exception>
    internal static void Check(ConversionOptions options)
    {
        if (options.VirtioWin is { } library && !File.Exists(library) && !Directory.Exists(library))
        {
            throw new V2VException(
                "DriverLibraryMissing", V2VErrorKind.NotFound, $"There is no folder and no ISO file {library} with virtio drivers.", library,
                "Give the path of virtio-win's ISO file, or of the folder that its files are in.");
        }

        foreach (string script in options.FirstBootScripts)
        {
            if (!File.Exists(script) || !s_scripts.Contains(Path.GetExtension(script), StringComparer.OrdinalIgnoreCase) || !BatchText.IsPlain(Path.GetFileName(script)))
            {
                throw new V2VException(
                    "FirstBootScriptInvalid", V2VErrorKind.InvalidArgument, $"{script} is not there, is no .cmd, .bat or .ps1 file, or has a name with other than plain characters.", script,
                    "Give scripts that Windows can run by themselves.");
            }
        }

        if (options.GuestAgentPackage is { } package && !BatchText.IsPlain(Path.GetFileName(package)))
        {
            throw new V2VException(
                "GuestAgentPackageInvalid", V2VErrorKind.InvalidArgument, "The guest agent's package has a name with other than plain characters, which a batch file of the guest could not name.", package, "Rename the file.");
        }

        if (options.ToolsPath is { } tools && !Directory.Exists(tools))
        {
            throw new V2VException("ToolsPathMissing", V2VErrorKind.NotFound, $"There is no folder {tools} with programs for the first boot.", tools, "Check the path, or leave -ToolsPath out.");
        }
    }
}
