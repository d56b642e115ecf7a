using System.Collections.Concurrent;
using System.Security.Cryptography;
using V2V.Storage;

namespace V2V.Core.Working;

/// <summary>
/// Temporary directories for overlays and staged disks. An area lives on between cmdlets with no handle open, so it belongs to
/// the process that its owner file names: it goes by <see cref="Delete"/>, with <see cref="DeleteAll"/> when that process ends,
/// or by the <see cref="Sweep"/> of a later process when its owner was killed.
/// </summary>
public static class WorkArea
{
    private const string Prefix = "v2v-";
    private const string UnfinishedSuffix = ".new";
    private const string OwnerFileName = "owner";
    private const string SharedFileName = "shares";
    private const string SharerPrefix = "sharer-";

    private static readonly Lock s_shareLock = new();

    private static readonly ConcurrentDictionary<string, bool> s_areas = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, Lazy<int>> s_sweptRoots = new(StringComparer.Ordinal);
    private static int s_exitHooked;

    /// <summary>Areas of this process that have not been deleted.</summary>
    public static IReadOnlyCollection<string> Active => [.. s_areas.Keys];

    /// <summary>Makes an empty directory <c>v2v-&lt;random&gt;</c> that only the user can enter, and returns its absolute path.</summary>
    /// <param name="root">Existing or new folder to make it in; null for the temporary folder.</param>
    /// <exception cref="V2VException"><c>WorkAreaFailed</c> if the host does not allow it.</exception>
    public static string Create(string? root = null)
    {
        string folder = Path.GetFullPath(root ?? Path.GetTempPath());
        if (Interlocked.Exchange(ref s_exitHooked, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => DeleteAll();
        }

        _ = s_sweptRoots.GetOrAdd(folder, f => new Lazy<int>(() => Sweep(f))).Value;
        string path = Path.Combine(folder, Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12)));
        string unfinished = path + UnfinishedSuffix;
        try
        {
            // The directory gets its final name together with its owner: nobody ever sees one without the other.
            CreatePrivateDirectory(unfinished);
            File.WriteAllText(Path.Combine(unfinished, OwnerFileName), WorkAreaOwner.Current.ToText());
            Directory.Move(unfinished, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            TryDelete(unfinished);
            throw new V2VException(
                "WorkAreaFailed", V2VErrorKind.HostIo, $"No working directory can be made: {e.Message}", folder, "Name another folder with -WorkingDirectory.", e);
        }

        s_areas[path] = true;
        return path;
    }

    /// <summary>
    /// Makes an area that keeps another one alive, for several machines that were unpacked together: the shared area goes with the last of
    /// those that share it.
    /// </summary>
    /// <param name="area">The area to share.</param>
    /// <exception cref="V2VException"><c>WorkAreaFailed</c>.</exception>
    public static string CreateShare(string area)
    {
        string path = Create(Path.GetDirectoryName(area));
        try
        {
            File.WriteAllText(Path.Combine(path, SharedFileName), area);
            File.WriteAllText(Path.Combine(area, SharerPrefix + Path.GetFileName(path)), "");
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(path);
            throw new V2VException(
                "WorkAreaFailed", V2VErrorKind.HostIo, $"The working directory cannot be shared: {e.Message}", area, "Name another folder with -WorkingDirectory.", e);
        }
    }

    /// <summary>True if a path is a work area of any process.</summary>
    public static bool IsWorkArea(string path) => ReadOwner(path) is not null;

    /// <summary>Deletes a work area and everything in it. One that is gone already is no error.</summary>
    /// <exception cref="V2VException">
    /// <c>WorkAreaInvalid</c> if the path is not a work area; <c>WorkAreaFailed</c> if the host does not delete it, for example because a file is open.
    /// </exception>
    public static void Delete(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Directory.Exists(full))
        {
            s_areas.TryRemove(full, out _);
            return;
        }

        if (ReadOwner(full) is null)
        {
            throw new V2VException(
                "WorkAreaInvalid", V2VErrorKind.InvalidArgument, "The directory is no working directory of V2V and is not deleted.", full, "Delete it by hand if you want to.");
        }

        string? shared;
        try
        {
            shared = ReadShared(full);
            DeleteTree(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new V2VException(
                "WorkAreaFailed", V2VErrorKind.HostIo, $"The working directory cannot be deleted: {e.Message}", full, "Close what uses it and delete it by hand.", e);
        }

        s_areas.TryRemove(full, out _);
        if (shared is not null)
        {
            LeaveShared(shared, Path.GetFileName(full));
        }
    }

    /// <summary>Deletes every area that this process made. Never throws: what cannot be deleted is left to the next sweep.</summary>
    public static void DeleteAll()
    {
        foreach (string path in s_areas.Keys)
        {
            TryDelete(path);
            s_areas.TryRemove(path, out _);
        }
    }

    /// <summary>
    /// Removes the areas in a folder whose owner is gone, and returns how many. Only what belongs to this user and cannot be written by others is touched:
    /// in a shared temporary folder somebody else could lead a deletion astray. Areas of other hosts and of other containers are left
    /// alone. Never throws for what it cannot delete. Runs by itself before the first area in a folder is made.
    /// </summary>
    /// <param name="root">Folder to look in; null for the temporary folder.</param>
    public static int Sweep(string? root = null)
    {
        int removed = 0;
        try
        {
            foreach (string path in Directory.EnumerateDirectories(Path.GetFullPath(root ?? Path.GetTempPath()), Prefix + "*"))
            {
                if (IsAbandoned(path) && HostOwnership.IsPrivate(path) && TryDelete(path))
                {
                    removed++;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is not there or cannot be listed: nothing to sweep.
        }

        return removed;
    }

    private static string? ReadShared(string path)
    {
        string file = Path.Combine(path, SharedFileName);
        return File.Exists(file) ? File.ReadAllText(file) : null;
    }

    private static void LeaveShared(string shared, string sharer)
    {
        lock (s_shareLock)
        {
            if (!IsWorkArea(shared))
            {
                return;
            }

            File.Delete(Path.Combine(shared, SharerPrefix + sharer));
            if (!Directory.EnumerateFiles(shared, SharerPrefix + "*").Any())
            {
                Delete(shared);
            }
        }
    }

    private static bool IsAbandoned(string path)
    {
        if (!path.EndsWith(UnfinishedSuffix, StringComparison.Ordinal))
        {
            return ReadOwner(path) is { } owner && owner.IsGone();
        }

        // Killed between two system calls; nobody needs an hour for them. The name has to be one of ours to the letter.
        string name = Path.GetFileName(path)[Prefix.Length..^UnfinishedSuffix.Length];
        return name.Length == 24 && name.All(char.IsAsciiHexDigitLower) && Directory.GetLastWriteTimeUtc(path) < DateTime.UtcNow.AddHours(-1);
    }

    private static WorkAreaOwner? ReadOwner(string path)
    {
        try
        {
            var directory = new DirectoryInfo(path);
            var file = new FileInfo(Path.Combine(path, OwnerFileName));
            if (!directory.Name.StartsWith(Prefix, StringComparison.Ordinal) || directory.LinkTarget is not null
                || !file.Exists || file.LinkTarget is not null || file.Length > WorkAreaOwner.MaximumLength)
            {
                return null;
            }

            return WorkAreaOwner.Parse(File.ReadAllText(file.FullName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void CreatePrivateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static bool TryDelete(string path)
    {
        try
        {
            DeleteTree(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Deletes a tree, links themselves and not what they lead to; the owner file last, so that what remains after a failure is still known.</summary>
    private static void DeleteTree(string path)
    {
        var directory = new DirectoryInfo(path);
        foreach (FileSystemInfo entry in directory.EnumerateFileSystemInfos())
        {
            if (entry.Name == OwnerFileName)
            {
                continue;
            }

            if (entry is DirectoryInfo { LinkTarget: null } child)
            {
                child.Delete(recursive: true);
            }
            else
            {
                entry.Delete();
            }
        }

        directory.Delete(recursive: true);
    }
}
