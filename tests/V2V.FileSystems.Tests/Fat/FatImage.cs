using V2V.FileSystems.Fat;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>A FAT image made by mkfs.fat, judged by fsck.fat and read back by mtools.</summary>
internal sealed class FatImage : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    public FatImage(string options, long length)
    {
        Tool.Require("mkfs.fat", "fsck.fat", "mcopy", "minfo", "env");
        Path = _temporary.File("fat.img");
        using (FileStream file = File.Create(Path))
        {
            file.SetLength(length);
        }

        Tool.Run("mkfs.fat", [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), Path]);
    }

    public string Path { get; }

    public static FileMetadata Metadata { get; } = new(0x1ED);

    /// <summary>Runs something on the file system, opened for writing.</summary>
    public void Write(Action<FatFileSystem> action)
    {
        using FileDevice device = FileDevice.Open(Path, writable: true);
        using FatFileSystem fileSystem = FatFileSystem.Open(device, writable: true);
        action(fileSystem);
    }

    /// <summary>fsck.fat finds nothing to say.</summary>
    public void AssertClean()
    {
        (int exitCode, string output) = Tool.TryRun("fsck.fat", "-n", "-v", Path);
        Assert.True(exitCode == 0, output);
        Assert.DoesNotContain("Auto", output, StringComparison.Ordinal);
    }

    /// <summary>Everything in the volume as mtools copies it out: relative path to content, null for a directory.</summary>
    public SortedDictionary<string, byte[]?> ReadWithMtools()
    {
        string target = System.IO.Path.Combine(_temporary.Path, "copy");
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }

        Directory.CreateDirectory(target);
        Mtools("minfo", "-i", Path, "::");
        Mtools("mcopy", "-s", "-n", "-Q", "-i", Path, "::/", target);
        var tree = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal);
        foreach (string entry in Directory.EnumerateFileSystemEntries(target, "*", SearchOption.AllDirectories))
        {
            tree[System.IO.Path.GetRelativePath(target, entry)] = Directory.Exists(entry) ? null : File.ReadAllBytes(entry);
        }

        return tree;
    }

    public static void Mtools(string program, params string[] arguments) =>
        Tool.Run("env", ["LC_ALL=C.UTF-8", "MTOOLS_SKIP_CHECK=1", program, .. arguments]);

    public void Dispose() => _temporary.Dispose();
}
