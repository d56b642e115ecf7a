using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Probe;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>A Btrfs file system in image files, one for each device, made by mkfs.btrfs and judged by btrfs check and the kernel.</summary>
internal sealed class BtrfsImage : IDisposable
{
    private const string BlockGroupTree = "block-group-tree";
    private readonly TemporaryDirectory _directory = new();
    private readonly List<FileDevice> _open = [];

    /// <param name="length">Of each device, in bytes.</param>
    /// <param name="devices">How many.</param>
    /// <param name="arguments">Of mkfs.btrfs. Where that is too old to make a block group tree (before 6.11), an empty image stands in for it.</param>
    public BtrfsImage(long length, int devices, params string[] arguments)
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup");
        Paths = [.. Enumerable.Range(0, devices).Select(Device)];
        if (arguments.Any(a => a.Contains(BlockGroupTree, StringComparison.Ordinal)) && !Tool.TryRun("mkfs.btrfs", "-O", "list-all").Output.Contains(BlockGroupTree, StringComparison.Ordinal))
        {
            VolumeFixture.Unpack("btrfs-block-group-tree.img", Paths[0]);
            return;
        }

        for (int i = 0; i < devices; i++)
        {
            using FileStream file = System.IO.File.Create(Device(i));
            file.SetLength(length);
        }

        Tool.Run("mkfs.btrfs", ["-q", "-f", .. arguments, .. Paths]);
    }

    public string[] Paths { get; }

    public string File(string name) => _directory.File(name);

    /// <summary>Opens the file system from some of its devices; all by default.</summary>
    public BtrfsFileSystem Open(bool writable, params int[] devices)
    {
        CloseDevices();
        _open.AddRange((devices.Length == 0 ? Paths : devices.Select(Device)).Select(p => FileDevice.Open(p, writable)));
        return BtrfsFileSystem.Open(_open[0], writable, _open);
    }

    /// <summary>Fails unless btrfs check finds nothing to say, in both modes, data included.</summary>
    public void Check()
    {
        CloseDevices();
        OnLoopDevices(devices =>
        {
            foreach (string[] mode in (string[][])[["--mode=original", "--check-data-csum"], ["--mode=lowmem"]])
            {
                (int exitCode, string output) = Tool.TryRun("btrfs", ["check", .. mode, "--force", devices[0]]);
                Assert.True(exitCode == 0 && output.Contains("no error found", StringComparison.Ordinal), $"btrfs check {mode[0]} exited with {exitCode}:\n{output}");
                Assert.DoesNotContain("invalidated, ", output, StringComparison.Ordinal);
            }
        });
    }

    /// <summary>Mounts the file system with the kernel while an action runs.</summary>
    public void Mounted(bool writable, string options, Action<string> action)
    {
        Tool.RequireRoot();
        CloseDevices();
        string mountPoint = File("mnt");
        OnLoopDevices(devices =>
        {
            string all = string.Join(',', [writable ? "rw" : "ro", .. devices.Select(d => "device=" + d), .. options.Length > 0 ? [options] : Array.Empty<string>()]);
            using var mount = new LoopMount(devices[0], mountPoint, all, "btrfs");
            action(mountPoint);
        });
    }

    /// <summary>Lets the kernel read and check everything.</summary>
    public static void Scrub(string mountPoint)
    {
        (int exitCode, string output) = Tool.TryRun("btrfs", "scrub", "start", "-B", "-r", mountPoint);
        Assert.True(exitCode == 0 && output.Contains("no errors found", StringComparison.Ordinal), $"btrfs scrub exited with {exitCode}:\n{output}");
    }

    public void Dispose()
    {
        CloseDevices();
        _directory.Dispose();
    }

    private string Device(int index) => _directory.File($"device{index}");

    private void CloseDevices()
    {
        _open.ForEach(d => d.Dispose());
        _open.Clear();
    }

    /// <summary>btrfs finds the other devices of a file system among block devices only.</summary>
    private void OnLoopDevices(Action<string[]> action)
    {
        var loops = new List<string>();
        try
        {
            foreach (string path in Paths)
            {
                loops.Add(Tool.Run("losetup", "-f", "--show", path).Trim());
            }

            action([.. loops]);
        }
        finally
        {
            foreach (string loop in loops)
            {
                Tool.Run("losetup", "-d", loop);
            }
        }
    }
}
