using System.IO.Compression;
using System.Security.Cryptography;
using V2V.FileSystems.Tests.Ext;
using V2V.FileSystems.Xfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>Images that others made, with what the kernel sees in them; then they are written and xfs_repair finds nothing.</summary>
public sealed class XfsCorpusTests
{
    [Theory]
    [InlineData("xfuse/xfs4096.img.zst", "xfuse_xfs4096.tsv.gz", 700)]
    [InlineData("xfuse/xfs_4kn.img.zst", "xfuse_xfs_4kn.tsv.gz", 500)]
    [InlineData("xfuse/xfs_preallocated.img.zst", "xfuse_xfs_preallocated.tsv", 2)]
    [InlineData("dissect/xfs.bin.gz", "dissect_xfs.tsv", 3)]
    [InlineData("dissect/xfs_symlink_test1.bin.gz", "dissect_xfs_symlink_test1.tsv", 5)]
    [InlineData("discutils/xfs5.vhdx.gz", "discutils_xfs5.tsv.gz", 4000)]
    public void Known_contents_are_read(string name, string expected, int least)
    {
        using var scratch = new TemporaryDirectory();
        string path = Unpack(scratch, name);
        using FileDevice device = FileDevice.Open(path);
        using XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: false);
        int compared = 0;
        foreach (string line in Lines(Corpus.Require("fs-xfs/expected/" + expected)).Where(l => !l.StartsWith('#')))
        {
            string[] field = line.Split('\t');
            FileEntry? entry = fileSystem.TryGetEntry("/" + field[0]);
            Assert.True(entry is not null, field[0]);
            Assert.Equal($"{field[3]} {field[4]} {field[5]}", $"0o{Convert.ToString(entry.Mode, 8)} {entry.Uid} {entry.Gid}");
            if (field[1] == "f")
            {
                Assert.Equal(field[2], entry.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
                if (field[6].Length == 64)
                {
                    using Stream stream = fileSystem.OpenRead("/" + field[0]);
                    Assert.Equal(field[6], Convert.ToHexStringLower(SHA256.HashData(stream)));
                }
            }
            else if (field[1] == "l")
            {
                Assert.Equal(field[6], fileSystem.ReadLink("/" + field[0]));
            }

            compared++;
        }

        Assert.True(compared >= least, $"only {compared} entries");
    }

    [Fact]
    public void Version_4_of_another_maker_is_read()
    {
        using var scratch = new TemporaryDirectory();
        using FileDevice device = FileDevice.Open(Unpack(scratch, "discutils/xfs.vhdx.gz"));
        using XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: false);
        Assert.Equal(10736349184, fileSystem.TotalBytes);
        Assert.Equal("620f0b67a91f7f74151bc5be745b7110", Digest(fileSystem, "/folder/file.100"));
        Assert.Equal("9a202a11d6e87688591eb97714ed56f1", Digest(fileSystem, "/folder/file.random"));
        Assert.Empty(fileSystem.EnumerateDirectory("/empty"));
        Assert.All(Enumerable.Range(1, 999), i => Assert.NotNull(fileSystem.TryGetEntry($"/huge/{i}")));
        Assert.True(fileSystem.TryGetEntry("/folder/nested/file")?.Type == GuestFileType.File);
    }

    [Theory]
    [InlineData("xfuse/xfs4096.img.zst")]
    [InlineData("xfuse/xfs_4kn.img.zst")]
    [InlineData("xfuse/xfs_preallocated.img.zst")]
    [InlineData("xfuse/xfs_xattr_v1.img.zst")]
    [InlineData("dissect/xfs.bin.gz")]
    [InlineData("dissect/xfs_symlink_test1.bin.gz")]
    [InlineData("discutils/xfs5.vhdx.gz")]
    [InlineData("discutils/xfs.vhdx.gz")]
    public void Images_of_others_are_written_without_damage(string name)
    {
        Tool.Require("xfs_repair");
        using var scratch = new TemporaryDirectory();
        string path = Unpack(scratch, name);
        var model = new RandomModel(5, RandomMood.Mixed, 20000);
        using (FileDevice device = FileDevice.Open(path, writable: true))
        using (XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: true))
        {
            TreeWalk.Read(fileSystem, strict: true);
            foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory("/").Where(e => e.Type == GuestFileType.Directory).ToArray())
            {
                string[] files = [.. fileSystem.EnumerateDirectory("/" + entry.Name).Where(e => e.Type != GuestFileType.Directory).Select(e => $"/{entry.Name}/{e.Name}")];
                foreach (string file in files.Where((_, i) => i % 3 != 0))
                {
                    fileSystem.Delete(file);
                }
            }

            model.Run(fileSystem, 100);
        }

        (int exitCode, string output) = Tool.TryRun("xfs_repair", "-n", "-o", "force_geometry", path);
        Assert.True(exitCode == 0, output);
    }

    private static string Digest(XfsFileSystem fileSystem, string path)
    {
        using Stream stream = fileSystem.OpenRead(path);
#pragma warning disable CA5351 // The digest is the upstream project's.
        return Convert.ToHexStringLower(MD5.HashData(stream));
#pragma warning restore CA5351
    }

    private static IEnumerable<string> Lines(string path)
    {
        using Stream file = File.OpenRead(path);
        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(content);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    /// <summary>The file system as an image file; of a VHDX, its partition.</summary>
    private static string Unpack(TemporaryDirectory scratch, string name)
    {
        string packed = Corpus.Require("fs-xfs/" + name);
        string image = scratch.File("image");
        if (name.EndsWith(".zst", StringComparison.Ordinal))
        {
            Tool.Require("zstd");
            Tool.Run("zstd", "-q", "-d", packed, "-o", image);
            return image;
        }

        using (var content = new GZipStream(File.OpenRead(packed), CompressionMode.Decompress))
        using (FileStream file = File.Create(image))
        {
            content.CopyTo(file);
        }

        if (!name.Contains("vhdx", StringComparison.Ordinal))
        {
            return image;
        }

        Tool.Require("qemu-img");
        string partition = scratch.File("partition");
        string within = $$"""json:{ "driver": "raw", "offset": 1048576, "file": { "driver": "vhdx", "file": { "driver": "file", "filename": "{{image}}" } } }""";
        Tool.Run("qemu-img", "convert", "-O", "raw", within, partition);
        return partition;
    }
}
