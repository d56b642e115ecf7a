using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers.Library;

/// <summary>Drivers in a folder of the host. Links are followed, as the drivers' packages of some distributions have them.</summary>
internal sealed class FolderLibrary : DriverLibrary
{
    private readonly string _root;

    public FolderLibrary(string path)
        : base(path)
    {
        _root = Path.GetFullPath(path);
        Guard(_root, () => List(new DirectoryInfo(_root)));
    }

    /// <inheritdoc/>
    internal override Stream OpenRead(string path)
    {
        string hostPath = Path.Combine(_root, path);
        Stream? stream = null;
        Guard(hostPath, () => stream = File.OpenRead(hostPath));
        return stream!;
    }

    private void List(DirectoryInfo root)
    {
        var waiting = new Queue<(DirectoryInfo Folder, string Path, int Depth)>([(root, "", 0)]);
        while (waiting.TryDequeue(out (DirectoryInfo Folder, string Path, int Depth) at))
        {
            foreach (FileSystemInfo entry in at.Folder.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                if (entry is not DirectoryInfo folder)
                {
                    Add(at.Path + entry.Name);
                }
                else if (at.Depth < MaxDepth && !LeadsBack(folder))
                {
                    waiting.Enqueue((folder, at.Path + entry.Name + "/", at.Depth + 1));
                }

                if (waiting.Count > MaxFiles)
                {
                    throw TooLarge(Name, FormattableString.Invariant($"it has more than {MaxFiles} folders"));
                }
            }
        }
    }

    /// <summary>True for a link to a folder that it lies in.</summary>
    private static bool LeadsBack(DirectoryInfo folder)
    {
        string separator = Path.DirectorySeparatorChar.ToString();
        return folder.LinkTarget is not null
            && folder.ResolveLinkTarget(returnFinalTarget: true) is { } target
            && folder.FullName.StartsWith(target.FullName.TrimEnd(Path.DirectorySeparatorChar) + separator, StringComparison.Ordinal);
    }

    private static void Guard(string path, Action action)
    {
        try
        {
            action();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new V2VException("HostAccessDenied", V2VErrorKind.HostIo, $"The host denies access to {path}.", path, "Check its permissions.", e);
        }
        catch (IOException e)
        {
            throw new V2VException("HostIoError", V2VErrorKind.HostIo, $"{path} could not be read: {e.Message}", path, "Check the device and run the command again.", e);
        }
    }
}
