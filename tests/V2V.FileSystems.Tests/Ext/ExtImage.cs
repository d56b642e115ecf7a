using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>A file system in an image file, made by mke2fs and judged by e2fsck and the kernel.</summary>
internal sealed class ExtImage : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private FileDevice? _device;

    public ExtImage(long length, params string[] mke2fsArguments)
    {
        Tool.Require("mke2fs", "e2fsck");
        using (FileStream file = System.IO.File.Create(Path))
        {
            file.SetLength(length);
        }

        Tool.Run("mke2fs", ["-q", "-F", .. mke2fsArguments, Path]);
        if (mke2fsArguments.Any(a => a.Contains("quota", StringComparison.Ordinal)))
        {
            // mke2fs counts quota before it populates the file system.
            Tool.TryRun("e2fsck", "-fy", Path);
        }
    }

    public string Path => _directory.File("image");

    public string File(string name) => _directory.File(name);

    public ExtFileSystem Open(bool writable)
    {
        _device?.Dispose();
        _device = FileDevice.Open(Path, writable);
        return ExtFileSystem.Open(_device, writable);
    }

    /// <summary>Fails unless e2fsck finds nothing to say.</summary>
    public void Check()
    {
        _device?.Dispose();
        CheckOpen();
    }

    /// <summary>The same while the file system is open (and flushed).</summary>
    public void CheckOpen()
    {
        (int exitCode, string output) = Tool.TryRun("e2fsck", "-fn", Path);
        Assert.True(exitCode == 0, $"e2fsck -fn exited with {exitCode}:\n{output}");
    }

    /// <summary>Mounts the image with the kernel while an action runs.</summary>
    public void Mounted(bool writable, Action<string> action)
    {
        _device?.Dispose();
        string mountPoint = File("mnt");
        using var mount = new LoopMount(Path, mountPoint, writable ? "loop,user_xattr,acl" : "loop,ro");
        action(mountPoint);
    }

    public void Dispose()
    {
        _device?.Dispose();
        _directory.Dispose();
    }
}
