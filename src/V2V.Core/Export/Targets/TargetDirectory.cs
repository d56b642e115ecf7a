using V2V.Storage;

namespace V2V.Core.Export.Targets;

/// <summary>
/// The files of one export as a transaction: everything is created as <c>NAME.partial</c> and gets its name when all are
/// complete. Disposed without <see cref="Commit"/>, nothing that it created is left, the directory itself included.
/// </summary>
internal sealed class TargetDirectory : IDisposable
{
    /// <summary>What a file's name ends with until it is complete.</summary>
    public const string PartialSuffix = ".partial";

    private readonly bool _force;
    private readonly List<string> _createdDirectories = [];
    private readonly List<string> _partial = [];
    private readonly List<string> _committed = [];
    private PartialRecord? _record;
    private bool _isCommitted;

    /// <param name="path">Directory, absolute; created if it does not exist.</param>
    /// <param name="force">True if existing files may be replaced.</param>
    public TargetDirectory(string path, bool force)
    {
        Path = path;
        _force = force;
        try
        {
            Create();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Dispose();
            throw TargetFile.Failure(e, path);
        }
    }

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Bytes free for this user, or null if the host does not tell.</summary>
    public long? FreeBytes
    {
        get
        {
            try
            {
                return OperatingSystem.IsWindows() ? WindowsVolume.GetFreeBytes(Path) : new DriveInfo(Path).AvailableFreeSpace;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                return null;
            }
        }
    }

    /// <summary>Claims the names of all files: refuses those that are taken before anything is written, and removes what killed exports left.</summary>
    /// <exception cref="V2VException"><c>ExportTargetExists</c>, <c>ExportTargetNotAFile</c>, <c>ExportTargetBusy</c>.</exception>
    public void Claim(IReadOnlyCollection<string> names)
    {
        PartialRecord.Sweep(Path);
        foreach (string name in names)
        {
            string path = System.IO.Path.Combine(Path, name);
            CheckName(path);
            if (new FileInfo(path + PartialSuffix) is { Exists: true, LinkTarget: null } && TargetFile.IsInUse(path + PartialSuffix))
            {
                throw new V2VException(
                    "ExportTargetBusy", V2VErrorKind.Exists, "Another export is writing this file.", path, "Wait for it, or export under another name (-NewName).");
            }

            CheckName(path + PartialSuffix);
        }

        try
        {
            _record = PartialRecord.Create(Path, names.Select(name => name + PartialSuffix));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TargetFile.Failure(e, Path);
        }
    }

    /// <summary>Creates a file under its partial name. One that <see cref="Claim"/> let pass is replaced.</summary>
    /// <param name="name">Final name in the directory.</param>
    /// <param name="reserveBytes">Space to reserve at once.</param>
    public TargetFile CreateFile(string name, long reserveBytes = 0)
    {
        string path = System.IO.Path.Combine(Path, name);
        string partial = path + PartialSuffix;
        try
        {
            // Deleted, not opened: it could be a link to somewhere else.
            File.Delete(partial);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TargetFile.Failure(e, path);
        }

        TargetFile file = TargetFile.Create(partial, path, reserveBytes);
        _partial.Add(path);
        return file;
    }

    /// <summary>Writes a small file.</summary>
    public void WriteFile(string name, byte[] content, bool isExecutable = false)
    {
        using TargetFile file = CreateFile(name);
        if (isExecutable && !OperatingSystem.IsWindows())
        {
            const UnixFileMode ReadAndRun = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead
                | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            File.SetUnixFileMode(file.Handle, ReadAndRun | UnixFileMode.UserWrite);
        }

        file.Write(0, content);
        file.Flush();
    }

    /// <summary>Gives every file its name. All of them must be closed and durable.</summary>
    public void Commit()
    {
        foreach (string path in _partial)
        {
            CheckName(path);
            try
            {
                File.Move(path + PartialSuffix, path, _force);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw TargetFile.Failure(e, path);
            }

            _committed.Add(path);
        }

        _record?.Delete();
        LinuxFiles.FlushDirectory(Path);
        _isCommitted = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isCommitted)
        {
            return;
        }

        _partial.ForEach(path => TryDelete(path + PartialSuffix));
        _committed.ForEach(TryDelete);
        _record?.Delete();
        for (int i = _createdDirectories.Count - 1; i >= 0; i--)
        {
            try
            {
                Directory.Delete(_createdDirectories[i], recursive: false);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Something else was put there meanwhile: it is not ours to remove.
                break;
            }
        }

        _isCommitted = true;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that led here is the one to report.
        }
    }

    private void Create()
    {
        var missing = new Stack<string>();
        for (string? directory = Path; directory is not null && !Directory.Exists(directory); directory = System.IO.Path.GetDirectoryName(directory))
        {
            missing.Push(directory);
        }

        foreach (string directory in missing)
        {
            if (new FileInfo(directory) is { Exists: true } or { LinkTarget: not null })
            {
                throw new V2VException(
                    "ExportTargetNotADirectory", V2VErrorKind.InvalidArgument, "The target is not a directory.", directory, "Name a directory.");
            }

            Directory.CreateDirectory(directory);
            _createdDirectories.Add(directory);
        }
    }

    private void CheckName(string path)
    {
        var file = new FileInfo(path);
        bool isLink = file.LinkTarget is not null;
        if (Directory.Exists(path) || (file.Exists && !isLink && (file.Attributes & FileAttributes.Device) != 0))
        {
            throw new V2VException(
                "ExportTargetNotAFile", V2VErrorKind.Exists, "The target's name belongs to something that is not a file.", path, "Remove it, or export under another name (-NewName).");
        }

        if ((file.Exists || isLink) && !_force)
        {
            throw new V2VException(
                "ExportTargetExists", V2VErrorKind.Exists, "The target exists already.", path, "Use -Force to replace it, or -NewName for another name.");
        }
    }
}
