using System.Globalization;
using System.Text.RegularExpressions;
using V2V.FileSystems.Tests.Probe;
using V2V.FileSystems.Xfs;
using V2V.FileSystems.Xfs.Log;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs.Log;

/// <summary>A file system that the kernel left with a dirty log: worked on through a loop mount, then shut down in the middle.</summary>
internal sealed class DirtyXfs : IDisposable
{
    /// <summary>Everything that a mount shows: kinds, sizes, modes, owners, times, links, inode numbers, targets, contents, attributes.</summary>
    private const string ListingScript = """
        cd "$1"
        find . -printf '%y|%s|%m|%U:%G|%T@|%C@|%n|%i|%l|%P\n' | sort
        find . -type f -print0 | sort -z | xargs -0 -r sha256sum
        find . -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex
        """;

    private readonly TemporaryDirectory _directory = new();

    /// <param name="makeOptions">Of mkfs.xfs.</param>
    /// <param name="mountOptions">Of the mount, or "".</param>
    /// <param name="work">What to do in the mounted file system; ends with <see cref="ShutDown"/>.</param>
    public DirtyXfs(string makeOptions, string mountOptions, Action<string> work)
    {
        Tool.RequireRoot();
        Tool.Require("mkfs.xfs", "xfs_repair", "xfs_io", "mount", "umount", "getfattr");
        if (makeOptions.Contains("parent=1", StringComparison.Ordinal))
        {
            VolumeFixture.Unpack("xfs-parent.img", Path);
        }
        else
        {
            Make(makeOptions);
        }

        System.IO.File.Copy(Path, Fresh);
        using var mount = new LoopMount(Path, Mount, "loop" + (mountOptions.Length > 0 ? "," : "") + mountOptions);
        work(Mount);
    }

    /// <summary>The image as the kernel left it.</summary>
    public string Path => File("image");

    /// <summary>The image as mkfs made it.</summary>
    public string Fresh => File("fresh");

    public string Mount => File("mnt");

    public static void ShutDown(string mount, bool flushed) =>
        Tool.Run("xfs_io", ["-x", "-c", flushed ? "shutdown -f" : "shutdown", mount]);

    public string File(string name) => _directory.File(name);

    /// <summary>A copy of an image.</summary>
    public string Copy(string path, string name)
    {
        Tool.Run("cp", "--sparse=always", path, File(name));
        return File(name);
    }

    /// <summary>What a mount of an image shows.</summary>
    public string Show(string image, string options)
    {
        using var mount = new LoopMount(image, Mount, options);
        return Tool.Run("sh", "-c", ListingScript, "list", Mount);
    }

    /// <summary>Recovers a dirty image as the kernel does and as we do, and fails unless both come to the same and xfs_repair agrees.</summary>
    /// <param name="dirty">The image.</param>
    /// <param name="keepsTimes">False if times of change may differ: the kernel sets some when it finishes a change of attributes.</param>
    /// <returns>What was replayed.</returns>
    public XfsLogReplay AssertSameRecovery(string dirty, bool keepsTimes = true)
    {
        string theirs = Copy(dirty, "theirs");
        string ours = Copy(dirty, "ours");
        XfsLogReplay replay;
        using (FileDevice device = FileDevice.Open(ours, writable: true))
        {
            XfsSuperblock super = XfsSuperblock.Read(device);
            Assert.False(XfsLog.IsClean(device, super));
            replay = XfsLog.Replay(new CopyOnWriteDevice(device), super);
            XfsFileSystem.Open(device, writable: true).Dispose();
            Assert.True(XfsLog.IsClean(device, XfsSuperblock.Read(device)));
        }

        AssertRepaired(ours);
        string expected = Listing(theirs, "loop");
        Assert.Equal(expected, Listing(ours, "loop,ro,norecovery"));
        Assert.Equal(expected, Listing(ours, "loop"));
        AssertRepaired(ours);
        return replay;

        string Listing(string image, string options) =>
            keepsTimes ? Show(image, options) : Regex.Replace(Show(image, options), @"^((?:[^|\n]*\|){5})[^|\n]*", "$1", RegexOptions.Multiline);
    }

    /// <summary>Fails unless xfs_repair finds nothing to say.</summary>
    public static void AssertRepaired(string image)
    {
        (int exitCode, string output) = Tool.TryRun("xfs_repair", "-n", image);
        if (exitCode == 1 && !XfsImage.MakesParents && output.Contains("has unknown compat/rocompat/incompat features", StringComparison.Ordinal))
        {
            return;
        }

        string[] complaints = [.. output.Split('\n').Where(l => !l.TrimStart().StartsWith('-') && !l.StartsWith("Phase", StringComparison.Ordinal))];
        Assert.True(exitCode == 0, string.Create(CultureInfo.InvariantCulture, $"xfs_repair -n exited with {exitCode}:\n{string.Join('\n', complaints.Take(20))}"));
    }

    public void Dispose() => _directory.Dispose();

    private void Make(string options)
    {
        using (FileStream file = System.IO.File.Create(Path))
        {
            file.SetLength(112 << 20);
        }

        // The variables let mkfs.xfs make a file system, and a log, smaller than it would advise.
        Tool.Run("env", ["TEST_DIR=1", "TEST_DEV=1", "QA_CHECK_FS=1", "mkfs.xfs", "-q", "-f", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), Path]);
    }
}
