using System.Management.Automation;

namespace V2V.PowerShell;

/// <summary>PowerShell paths as paths of the host's file system.</summary>
internal static class HostPaths
{
    /// <summary>Files that a path with wildcards stands for. What does not exist is the engine's own ItemNotFoundException.</summary>
    public static IEnumerable<string> Expand(PSCmdlet cmdlet, string path)
    {
        IEnumerable<string> found = cmdlet.GetResolvedProviderPathFromPSPath(path, out ProviderInfo provider);
        CheckProvider(provider, path);
        return found;
    }

    /// <summary>A path taken as it is; it need not exist.</summary>
    public static string Literal(PSCmdlet cmdlet, string path)
    {
        string literal = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        CheckProvider(provider, path);
        return literal;
    }

    private static void CheckProvider(ProviderInfo provider, string path)
    {
        if (!provider.Name.Equals("FileSystem", StringComparison.OrdinalIgnoreCase))
        {
            throw new Storage.V2VException(
                "PathNotFileSystem", Storage.V2VErrorKind.InvalidArgument, $"'{path}' is not a path of the file system.", path, "Give a path of a file or folder.");
        }
    }
}
