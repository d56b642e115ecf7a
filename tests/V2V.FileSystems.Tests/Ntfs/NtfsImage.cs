using V2V.FileSystems.Ntfs;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>An NTFS image made by mkntfs, filled and read back by ntfs-3g, judged by ntfsfix and ntfsinfo.</summary>
internal sealed class NtfsImage : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();
    private readonly bool _isForeign;

    public NtfsImage(string options, long length)
    {
        Tool.RequireRoot();
        Tool.Require("mkntfs", "ntfs-3g", "ntfsfix", "ntfsinfo", "ntfssecaudit");
        Path = _temporary.File("ntfs.img");
        using (FileStream file = File.Create(Path))
        {
            file.SetLength(length);
        }

        Tool.Run("mkntfs", ["-F", "-Q", "-q", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), Path]);
    }

    /// <summary>A copy of an image that others made.</summary>
    public NtfsImage(Action<string> write)
    {
        _isForeign = true;
        Path = _temporary.File("ntfs.img");
        write(Path);
    }

    public string Path { get; }

    public static FileMetadata Metadata { get; } = new(0x1ED);

    /// <summary>Mounts the volume by ntfs-3g for as long as the result lives; streams are <c>file:stream</c>.</summary>
    public (LoopMount Mount, string Directory) Mount(string options)
    {
        string directory = System.IO.Path.Combine(_temporary.Path, "mnt");
        return (new LoopMount(Path, directory, options, "ntfs-3g"), directory);
    }

    /// <summary>Runs something with ntfs-3g's mount.</summary>
    public void WithMount(string options, Action<string> action)
    {
        (LoopMount mount, string directory) = Mount(options);
        using (mount)
        {
            action(directory);
        }
    }

    /// <summary>Runs something on the file system, opened for writing.</summary>
    public void Write(Action<NtfsFileSystem> action)
    {
        using FileDevice device = FileDevice.Open(Path, writable: true);
        using NtfsFileSystem fileSystem = NtfsFileSystem.Open(device, writable: true);
        action(fileSystem);
    }

    /// <summary>Runs something on the file system, opened for reading.</summary>
    public void Read(Action<NtfsFileSystem> action)
    {
        using FileDevice device = FileDevice.Open(Path);
        using NtfsFileSystem fileSystem = NtfsFileSystem.Open(device, writable: false);
        action(fileSystem);
    }

    /// <summary>ntfsfix and ntfsinfo find nothing to say, and neither does the test's own check of the whole volume.</summary>
    public void AssertClean()
    {
        (int exitCode, string output) = Tool.TryRun("ntfsfix", "-n", Path);

        // Some images were cut off before the sector that holds a copy of the boot sector.
        bool cut = _isForeign && output.Contains("Checking the alternate boot sector... BAD", StringComparison.Ordinal);
        Assert.True(cut || (exitCode == 0 && output.Contains("processed successfully", StringComparison.Ordinal)), output);
        Assert.True(output.Contains("$MFT and $MFTMirr completed successfully", StringComparison.Ordinal), output);
        (exitCode, output) = Tool.TryRun("ntfsinfo", "-m", Path);
        Assert.True(exitCode == 0, output);
        if (!_isForeign)
        {
            (exitCode, output) = Tool.TryRun("ntfssecaudit", "-ar", Path);
            Assert.True(exitCode == 0 && output.Contains("No errors were found", StringComparison.Ordinal), output);
        }

        using FileDevice device = FileDevice.Open(Path);
        new NtfsCheck(device).Run();
    }

    /// <summary>Everything in the volume as ntfs-3g shows it, in the form of <see cref="FileTree.Read"/>; of the streams those that are expected.</summary>
    public SortedDictionary<string, byte[]?> ReadWithMount(IEnumerable<string> streams)
    {
        var tree = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal);
        WithMount("ro,streams_interface=windows", root =>
        {
            foreach (string entry in Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories))
            {
                tree[System.IO.Path.GetRelativePath(root, entry)] = Directory.Exists(entry) ? null : File.ReadAllBytes(entry);
            }

            foreach (string stream in streams)
            {
                tree[stream] = File.ReadAllBytes(System.IO.Path.Combine(root, stream));
            }
        });
        return tree;
    }

    public void Dispose() => _temporary.Dispose();
}
