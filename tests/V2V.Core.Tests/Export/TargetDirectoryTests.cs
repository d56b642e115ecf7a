using V2V.Core.Export;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>Nothing is overwritten unasked, and nothing is left behind: after failures, cancellation, a full disk.</summary>
public sealed class TargetDirectoryTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Files_have_the_machines_name_and_no_partial_is_left()
    {
        using var directory = new TemporaryDirectory();
        V2VExport result = Machines.Export(
            Machines.Source("a/b: guest", disks: 2), new ExportOptions { Directory = directory.Path }, new RecordingObserver(), Data(), Data());
        Assert.Equal(["a_b_ guest-sda", "a_b_ guest-sdb", "a_b_ guest.xml"], Names(directory));
        Assert.Equal(directory.File("a_b_ guest.xml"), result.MetadataPath);
        Assert.Equal("a/b: guest", result.Name);
        Assert.Equal(("local", "qcow2"), (result.Target, result.Format));
    }

    [Fact]
    public void An_existing_file_is_refused_without_force_before_anything_is_read()
    {
        foreach (string name in new[] { "guest-sda", "guest.xml" })
        {
            using var directory = new TemporaryDirectory();
            File.WriteAllText(directory.File(name), "mine");
            PatternDevice device = Data();
            V2VException e = Assert.Throws<V2VException>(() => Machines.Export(new ExportOptions { Directory = directory.Path }, device));
            Assert.Equal(("ExportTargetExists", V2VErrorKind.Exists), (e.ErrorId, e.Kind));
            Assert.Equal(directory.File(name), e.Target);
            Assert.Equal(0, device.BytesRead);
            Assert.Equal([name], Names(directory));
            Assert.Equal("mine", File.ReadAllText(directory.File(name)));
        }
    }

    [Fact]
    public void Force_replaces_files_and_links_but_never_what_a_link_points_to()
    {
        using var directory = new TemporaryDirectory();
        using var other = new TemporaryDirectory();
        File.WriteAllText(other.File("precious"), "precious");
        File.CreateSymbolicLink(directory.File("guest-sda"), other.File("precious"));
        File.CreateSymbolicLink(directory.File("guest-sda.partial"), other.File("precious"));
        File.WriteAllText(directory.File("guest.xml"), "old");
        Machines.Export(new ExportOptions { Directory = directory.Path, Force = true }, Data());
        Assert.Equal("precious", File.ReadAllText(other.File("precious")));
        Assert.Null(new FileInfo(directory.File("guest-sda")).LinkTarget);
        Assert.StartsWith("<?xml", File.ReadAllText(directory.File("guest.xml")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dangling_link_counts_as_existing()
    {
        using var directory = new TemporaryDirectory();
        File.CreateSymbolicLink(directory.File("guest-sda"), directory.File("nowhere"));
        Assert.Equal("ExportTargetExists", Refused(directory, new ExportOptions { Directory = directory.Path }));
    }

    [Fact]
    public void A_directory_is_never_replaced()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.File("guest-sda"));
        Assert.Equal("ExportTargetNotAFile", Refused(directory, new ExportOptions { Directory = directory.Path, Force = true }));
    }

    [Fact]
    public void What_a_killed_run_left_is_removed()
    {
        using var directory = new TemporaryDirectory();
        foreach (string name in new[] { "other-sda.partial", "guest-sda.partial", "foreign.partial", "foreign-sda" })
        {
            File.WriteAllText(directory.File(name), "left over");
        }

        string[] current = [.. WorkAreaOwner.Current.ToText().Split('\n')];
        WriteRecord("gone", [current[0], $"{int.MaxValue}", .. current[2..4], "other-sda.partial", "guest-sda.partial", "never-made.partial"]);
        Machines.Export(new ExportOptions { Directory = directory.Path }, Data());
        Assert.Equal(["foreign-sda", "foreign.partial", "guest-sda", "guest.xml"], Names(directory));

        WriteRecord("alive", [.. current[..4], "foreign.partial"]);
        WriteRecord("hostile", [current[0], $"{int.MaxValue}", .. current[2..4], "foreign-sda", "../foreign.partial"]);
        Machines.Export(new ExportOptions { Directory = directory.Path, Force = true }, Data());
        Assert.Equal([".v2v-export-alive", ".v2v-export-hostile", "foreign-sda", "foreign.partial", "guest-sda", "guest.xml"], Names(directory));

        void WriteRecord(string name, string[] lines)
        {
            File.WriteAllText(directory.File(".v2v-export-" + name), string.Join('\n', lines) + "\n");
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(directory.File(".v2v-export-" + name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }
    }

    [Fact]
    public void Somebody_elses_partial_file_is_not_touched_unless_forced()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("guest-sda.partial"), "a download");
        using (File.Open(directory.File("guest-sda.partial"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.Equal("ExportTargetBusy", Refused(directory, new ExportOptions { Directory = directory.Path, Force = true }));
        }

        Assert.Equal("ExportTargetExists", Refused(directory, new ExportOptions { Directory = directory.Path }));
        Assert.Equal("a download", File.ReadAllText(directory.File("guest-sda.partial")));
        Machines.Export(new ExportOptions { Directory = directory.Path, Force = true }, Data());
        Assert.Equal(["guest-sda", "guest.xml"], Names(directory));
    }

    [Fact]
    public void A_failing_source_leaves_nothing_not_even_the_directories()
    {
        using var directory = new TemporaryDirectory();
        PatternDevice bad = Data();
        bad.Reading = offset =>
        {
            if (offset > 20 * MiB)
            {
                throw V2VException.Corrupt("VmdkGrainTruncated", "A grain is truncated.");
            }
        };
        PatternDevice good = Data();
        V2VException e = Assert.Throws<V2VException>(() => Machines.Export(new ExportOptions { Directory = directory.File("a/b/c") }, good, bad));
        Assert.Equal("VmdkGrainTruncated", e.ErrorId);
        Assert.Empty(Names(directory));
        Assert.True(good.IsDisposed && bad.IsDisposed);
    }

    [Theory]
    [InlineData(ExportFormat.Qcow2, ExportCompression.None, ExportTarget.Local)]
    [InlineData(ExportFormat.Qcow2, ExportCompression.Zlib, ExportTarget.Local)]
    [InlineData(ExportFormat.Raw, ExportCompression.None, ExportTarget.Qemu)]
    [InlineData(ExportFormat.Raw, ExportCompression.None, ExportTarget.Null)]
    public void A_cancelled_export_leaves_nothing(ExportFormat format, ExportCompression compression, ExportTarget target)
    {
        using var directory = new TemporaryDirectory();
        using var cancel = new CancellationTokenSource();
        PatternDevice device = Data();
        device.Reading = offset =>
        {
            if (offset > 30 * MiB)
            {
                cancel.Cancel();
            }
        };
        string path = target == ExportTarget.Null ? "" : directory.File("new");
        Assert.ThrowsAny<OperationCanceledException>(() => Machines.Export(
            Machines.Source(), new ExportOptions { Directory = path, Format = format, Compression = compression, Target = target }, new RecordingObserver(cancel.Token), device));
        Assert.Empty(Names(directory));
        Assert.InRange(device.BytesRead, 1, 60 * MiB);
    }

    [Fact]
    public void Cancelling_while_the_host_writes_back_leaves_nothing()
    {
        using var directory = new TemporaryDirectory();
        using var cancel = new CancellationTokenSource();
        var observer = new RecordingObserver(cancel.Token);
        observer.OnProgress = p =>
        {
            if (p.Status == "Writing to disk")
            {
                cancel.Cancel();
            }
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Machines.Export(Machines.Source(), new ExportOptions { Directory = directory.Path }, observer, Data()));
        Assert.Empty(Names(directory));
    }

    [Theory]
    [InlineData(ExportFormat.Qcow2, ExportAllocation.Sparse)]
    [InlineData(ExportFormat.Raw, ExportAllocation.Sparse)]
    [InlineData(ExportFormat.Raw, ExportAllocation.Preallocated)]
    public void Too_little_space_is_refused_before_the_copy(ExportFormat format, ExportAllocation allocation)
    {
        using var mount = new SmallFileSystem("16m");
        var device = new PatternDevice(100 * MiB, (0, 40 * MiB));
        V2VException e = Assert.Throws<V2VException>(() => Machines.Export(
            new ExportOptions { Directory = Path.Combine(mount.Path, "out"), Format = format, Allocation = allocation }, device));
        Assert.Equal(("ExportTargetNoSpace", V2VErrorKind.NoSpace), (e.ErrorId, e.Kind));
        Assert.Empty(Directory.GetFileSystemEntries(mount.Path));
    }

    [Fact]
    public void Data_that_will_not_compress_far_enough_is_refused_before_the_copy()
    {
        using var mount = new SmallFileSystem("16m");
        var device = new PatternDevice(1000 * MiB, (0, 400 * MiB));
        V2VException e = Assert.Throws<V2VException>(() => Machines.Export(
            new ExportOptions { Directory = Path.Combine(mount.Path, "out"), Compression = ExportCompression.Zlib }, device));
        Assert.Equal("ExportTargetNoSpace", e.ErrorId);
        Assert.Contains("when compressed", e.Message, StringComparison.Ordinal);
        Assert.InRange(device.BytesRead, 1, 20 * MiB);
        Assert.Empty(Directory.GetFileSystemEntries(mount.Path));

        device = device.Copy();
        device.HiddenZeroes.Add((4 * MiB, 396 * MiB));
        V2VExport result = Machines.Export(new ExportOptions { Directory = mount.Path, Compression = ExportCompression.Zlib }, device);
        Assert.InRange(result.Disks[0].StoredBytes, 1, 5 * MiB);
    }

    [Theory]
    [InlineData(ExportFormat.Qcow2)]
    [InlineData(ExportFormat.Raw)]
    public void Zeroes_that_only_reading_finds_do_not_count(ExportFormat format)
    {
        using var mount = new SmallFileSystem("16m");
        var device = new PatternDevice(100 * MiB, (0, 40 * MiB));
        device.HiddenZeroes.Add((4 * MiB, 33 * MiB));
        V2VExport result = Machines.Export(new ExportOptions { Directory = mount.Path, Format = format }, device);
        Assert.InRange(result.Disks[0].StoredBytes, 7 * MiB, 8 * MiB);
    }

    [Theory]
    [InlineData(ExportFormat.Qcow2, ExportCompression.None)]
    [InlineData(ExportFormat.Qcow2, ExportCompression.Zstd)]
    [InlineData(ExportFormat.Raw, ExportCompression.None)]
    public void A_disk_that_fills_up_in_the_middle_leaves_nothing(ExportFormat format, ExportCompression compression)
    {
        using var mount = new SmallFileSystem("48m");
        var device = new PatternDevice(100 * MiB, (0, 40 * MiB));
        bool isFilled = false;
        device.Reading = offset =>
        {
            lock (mount)
            {
                if (offset >= 2 * MiB && !isFilled)
                {
                    isFilled = true;
                    File.WriteAllBytes(Path.Combine(mount.Path, "other"), new byte[40 * MiB]);
                }
            }
        };
        V2VException e = Assert.Throws<V2VException>(() => Machines.Export(
            new ExportOptions { Directory = Path.Combine(mount.Path, "out"), Format = format, Compression = compression }, device));
        Assert.Equal("ExportTargetNoSpace", e.ErrorId);
        Assert.Equal([Path.Combine(mount.Path, "other")], Directory.GetFileSystemEntries(mount.Path));
    }

    [Fact]
    public void A_source_that_changes_meanwhile_is_noticed()
    {
        using var directory = new TemporaryDirectory();
        string source = directory.File("source.vmdk");
        File.WriteAllText(source, "before");
        var stamp = new SourceFileStamp(6, File.GetLastWriteTimeUtc(source));
        PatternDevice device = Data();
        device.Reading = offset =>
        {
            if (offset == 0)
            {
                File.WriteAllText(source, "after, and longer");
            }
        };
        V2VException e = Assert.Throws<V2VException>(() => Machines.Export(
            Machines.Source(path: source, stamp: stamp), new ExportOptions { Directory = directory.File("out") }, new RecordingObserver(), device));
        Assert.Equal("SourceChanged", e.ErrorId);
        Assert.Equal(["source.vmdk"], Names(directory));
    }

    [Fact]
    public void A_file_where_the_directory_should_be_is_refused()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("out"), "");
        Assert.Equal("ExportTargetNotADirectory", Refused(directory, new ExportOptions { Directory = directory.File("out") }));
        Assert.Equal("ExportTargetNotADirectory", Refused(directory, new ExportOptions { Directory = directory.File("out/below") }));
    }

    private static PatternDevice Data() => new(200 * MiB, (0, 100 * MiB));

    private static string[] Names(TemporaryDirectory directory) =>
        [.. Directory.GetFileSystemEntries(directory.Path).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];

    private static string Refused(TemporaryDirectory directory, ExportOptions options)
    {
        string[] before = Names(directory);
        V2VException e = Assert.Throws<V2VException>(() => Machines.Export(options, Data()));
        Assert.Equal(before, Names(directory));
        return e.ErrorId;
    }

    private sealed class SmallFileSystem : IDisposable
    {
        private readonly TemporaryDirectory _directory = new();
        private readonly LoopMount _mount;

        public SmallFileSystem(string size) => _mount = new LoopMount("tmpfs", _directory.Path, "size=" + size, "tmpfs");

        public string Path => _directory.Path;

        public void Dispose()
        {
            _mount.Dispose();
            _directory.Dispose();
        }
    }
}
