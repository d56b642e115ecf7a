using V2V.FileSystems.Tests.Probe;
using V2V.FileSystems.Xfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>A file system in an image file, made by mkfs.xfs and judged by xfs_repair and the kernel.</summary>
internal sealed class XfsImage : IDisposable
{
    private const string Parents = "parent=1";
    private readonly TemporaryDirectory _directory = new();
    private readonly bool _isTooNew;
    private FileDevice? _device;

    /// <param name="length">Bytes.</param>
    /// <param name="mkfsArguments">Of mkfs.xfs. Where that is too old to make parent pointers (before 6.10), an empty image stands in for it.</param>
    public XfsImage(long length, params string[] mkfsArguments)
    {
        Tool.Require("mkfs.xfs", "xfs_repair");
        if (mkfsArguments.Contains(Parents) && !MakesParents)
        {
            VolumeFixture.Unpack("xfs-parent.img", Path);
            _isTooNew = true;
            return;
        }

        using (FileStream file = System.IO.File.Create(Path))
        {
            file.SetLength(length);
        }

        Tool.Run("mkfs.xfs", ["-q", "-f", .. mkfsArguments, Path]);
    }

    /// <summary>True if mkfs.xfs makes parent pointers, and xfs_repair knows them.</summary>
    public static bool MakesParents => Tool.TryRun("mkfs.xfs").Output.Contains("parent=", StringComparison.Ordinal);

    public string Path => _directory.File("image");

    public string File(string name) => _directory.File(name);

    public XfsFileSystem Open(bool writable)
    {
        _device?.Dispose();
        _device = FileDevice.Open(Path, writable);
        return XfsFileSystem.Open(_device, writable);
    }

    /// <summary>Fails unless xfs_repair, where it knows the features, finds nothing to say.</summary>
    public void Check()
    {
        _device?.Dispose();
        if (_isTooNew)
        {
            return;
        }

        (int exitCode, string output) = Tool.TryRun("xfs_repair", "-n", Path);
        if (exitCode != 0)
        {
            if (Environment.GetEnvironmentVariable("V2V_KEEP") is { } keep)
            {
                System.IO.File.Copy(Path, keep, overwrite: true);
            }

            string[] complaints = [.. output.Split('\n').Where(l => !l.TrimStart().StartsWith('-') && !l.StartsWith("Phase", StringComparison.Ordinal))];
            Assert.Fail($"xfs_repair -n exited with {exitCode}:\n{string.Join('\n', complaints.Take(20))}");
        }
    }

    /// <summary>Mounts the image with the kernel while an action runs.</summary>
    public void Mounted(bool writable, Action<string> action)
    {
        _device?.Dispose();
        string mountPoint = File("mnt");
        using var mount = new LoopMount(Path, mountPoint, writable ? "loop,nouuid" : "loop,ro,nouuid", "xfs");
        action(mountPoint);
    }

    /// <summary>Lets go of the image file.</summary>
    public void Close() => _device?.Dispose();

    public void Dispose()
    {
        _device?.Dispose();
        _directory.Dispose();
    }
}
