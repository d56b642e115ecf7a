using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>File systems that were copied while the kernel had them mounted, as a snapshot of a running machine has them.</summary>
public class ExtRecoveryTests
{
    [Theory]
    [InlineData("-t ext4 -b 4096")]
    [InlineData("-t ext4 -b 1024 -O orphan_file")]
    [InlineData("-t ext3 -b 1024")]
    [InlineData("-t ext4 -O bigalloc,inline_data,orphan_file")]
    public void JournalIsReplayedAndOrphansAreRemoved(string arguments)
    {
        using var image = new ExtImage(100 << 20, arguments.Split(' '));
        string copy = image.File("copy");
        image.Mounted(writable: true, root =>
        {
            HostTree.Populate(Path.Combine(root, "tree"), seed: 4, large: false);
            Tool.Run("sync", "-f", root);
            using FileStream open = File.Create(Path.Combine(root, "orphan"));
            open.Write(HostTree.Bytes(new Random(1), 200_000));
            open.Flush(flushToDisk: true);
            File.Delete(Path.Combine(root, "orphan"));
            for (int i = 0; i < 50; i++)
            {
                File.Move(Path.Combine(root, "tree", "many", $"file-with-a-somewhat-long-name-{i}-ä"), Path.Combine(root, "tree", $"moved-{i}"));
            }

            Tool.Run("sync", "-f", root);
            File.Copy(image.Path, copy);
        });
        byte[] before = File.ReadAllBytes(copy);
        using (FileDevice device = FileDevice.Open(copy))
        using (ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: false))
        {
            Assert.NotNull(fileSystem.TryGetEntry("/tree/moved-49"));
            Assert.Null(fileSystem.TryGetEntry("/orphan"));
            Assert.Same(device, fileSystem.Device);
            image.Mounted(writable: false, root => HostTree.AssertEqual(root, fileSystem));
        }

        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(copy)), "reading changed the image");
        using (FileDevice device = FileDevice.Open(copy, writable: true))
        using (ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: true))
        {
            fileSystem.WriteAllBytes("/tree/new", new byte[10_000], new FileMetadata(0x1A4));
        }

        (int exitCode, string output) = Tool.TryRun("e2fsck", "-fn", copy);
        Assert.True(exitCode == 0, output);
        Assert.DoesNotContain("recover", Tool.Run("dumpe2fs", "-h", copy).Split('\n').First(l => l.StartsWith("Filesystem features", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void ADirtyFileSystemWithoutJournalIsNotWritten()
    {
        using var image = new ExtImage(20 << 20, "-t", "ext2");
        string copy = image.File("copy");
        image.Mounted(writable: true, root =>
        {
            File.WriteAllText(Path.Combine(root, "x"), "x");
            Tool.Run("sync", "-f", root);
            File.Copy(image.Path, copy);
        });
        using FileDevice device = FileDevice.Open(copy, writable: true);
        V2VException error = Assert.Throws<V2VException>(() => ExtFileSystem.Open(device, writable: true));
        Assert.Equal("ExtNotClean", error.ErrorId);
    }

    [Fact]
    public void ADirtyFileSystemWithAnExternalJournalIsRefused()
    {
        using var image = new ExtImage(20 << 20, "-t", "ext4", "-O", "^metadata_csum,has_journal");
        byte[] raw = File.ReadAllBytes(image.Path);
        raw[1024 + 0x60] |= 4;
        raw.AsSpan(1024 + 0xE0, 4).Clear();
        V2VException error = Assert.Throws<V2VException>(() => ExtFileSystem.Open(new MemoryDevice(raw), writable: false));
        Assert.Equal("ExtJournalExternal", error.ErrorId);
    }

    [Fact]
    public void AFileSystemMarkedAsDamagedIsReadButNotWritten()
    {
        using var image = new ExtImage(20 << 20, "-t", "ext4", "-O", "^metadata_csum");
        byte[] raw = File.ReadAllBytes(image.Path);
        raw[1024 + 0x3A] |= 2;
        Assert.Equal("ExtHasErrors", Assert.Throws<V2VException>(() => ExtFileSystem.Open(new MemoryDevice(raw), writable: true)).ErrorId);
        using ExtFileSystem fileSystem = ExtFileSystem.Open(new MemoryDevice(raw), writable: false);
        Assert.NotNull(fileSystem.TryGetEntry("/lost+found"));
        Assert.Empty(fileSystem.GetFreeExtents());
    }

    [Theory]
    [InlineData("0x60", 0x20000000u, "FEATURE_I29", false)]
    [InlineData("0x60", 0x1000u, "dirdata", false)]
    [InlineData("0x60", 1u, "compression", false)]
    [InlineData("0x64", 0x4000u, "shared_blocks", true)]
    [InlineData("0x64", 0x80000000u, "FEATURE_R31", true)]
    public void UnknownFeaturesAreRefusedByName(string offset, uint flag, string name, bool readable)
    {
        using var image = new ExtImage(20 << 20, "-t", "ext4", "-O", "^metadata_csum");
        byte[] raw = File.ReadAllBytes(image.Path);
        int at = 1024 + Convert.ToInt32(offset, 16);
        BitConverter.TryWriteBytes(raw.AsSpan(at), BitConverter.ToUInt32(raw, at) | flag);
        V2VException error = Assert.Throws<V2VException>(() => ExtFileSystem.Open(new MemoryDevice(raw), writable: true));
        Assert.Equal("ExtFeatureUnsupported", error.ErrorId);
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
        if (readable)
        {
            using ExtFileSystem fileSystem = ExtFileSystem.Open(new MemoryDevice(raw), writable: false);
            Assert.NotNull(fileSystem.TryGetEntry("/lost+found"));
        }
    }
}
