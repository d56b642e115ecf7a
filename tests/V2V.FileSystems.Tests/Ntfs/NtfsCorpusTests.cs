using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using V2V.FileSystems.Ntfs;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>Images that others made (Windows among them), with what ntfs-3g sees in them; then they are written and ntfsfix finds nothing.</summary>
public sealed class NtfsCorpusTests
{
    [Theory]
    [InlineData("dissect/ntfs.bin.gz", "ntfs.bin.tsv.gz", 2000)]
    [InlineData("ColinFinck/testfs1", "testfs1.tsv.gz", 500)]
    [InlineData("go-ntfs/ads_with_same_ids/charlie.dd.bz2", "charlie.dd.tsv.gz", 3)]
    public void Known_contents_are_read(string name, string expected, int least)
    {
        using var image = new NtfsImage(path => Unpack(name, path));
        image.Read(fileSystem =>
        {
            int compared = 0;
            foreach (string line in Lines(Corpus.Require("fs-ntfs/expected/" + expected)).Where(l => !l.StartsWith('#')))
            {
                string[] field = line.Split('\t');
                FileEntry? entry = fileSystem.TryGetEntry("/" + field[0]);
                Assert.True(entry is not null, field[0]);
                Assert.Equal(field[1] == "d", entry.IsDirectory);
                if (field[1] == "f")
                {
                    Assert.Equal(field[2], entry.Length.ToString(CultureInfo.InvariantCulture));
                    using Stream stream = fileSystem.OpenRead("/" + field[0]);
                    Assert.Equal(field[6], Convert.ToHexStringLower(SHA256.HashData(stream)));
                }

                Assert.Contains(fileSystem.EnumerateDirectory("/" + System.IO.Path.GetDirectoryName(field[0])), e => e.Name == entry.Name && e.FileId == entry.FileId);
                compared++;
            }

            Assert.True(compared >= least, $"only {compared} entries");
        });
    }

    [Fact]
    public void Streams_with_repeated_attribute_numbers_are_told_apart()
    {
        using var image = new NtfsImage(path => Unpack("go-ntfs/ads_with_same_ids/charlie.dd.bz2", path));
        image.Read(fileSystem =>
        {
            Assert.Equal(5005, fileSystem.TryGetEntry("/Nine.txt:111")!.Length);
            Assert.Equal(56, fileSystem.TryGetEntry("/Nine.txt:222")!.Length);
            Assert.Equal(6005, fileSystem.GetExtendedAttribute("/Nine.txt", "user.333")!.Length);
        });
    }

    [Theory]
    [InlineData("dissect/ntfs.bin.gz")]
    [InlineData("ColinFinck/testfs1")]
    [InlineData("go-ntfs/ads_with_same_ids/charlie.dd.bz2")]
    public void Volumes_of_Windows_are_written(string name)
    {
        Tool.RequireRoot();
        Tool.Require("ntfs-3g", "ntfsfix", "ntfsinfo");
        using var image = new NtfsImage(path => Unpack(name, path));
        SortedDictionary<string, byte[]?> expected = [];
        image.Write(fileSystem =>
        {
            fileSystem.CreateDirectory("/made by v2v", NtfsImage.Metadata);
            try
            {
                for (int i = 0; i < 120; i++)
                {
                    fileSystem.WriteAllBytes($"/made by v2v/a file with a long name {i}.txt", new byte[i * 40], NtfsImage.Metadata);
                }
            }
            catch (V2VException e) when (e.ErrorId == "NtfsNoSpace")
            {
                // One of the volumes is full.
            }

            expected = FileTree.Read(fileSystem);
        });
        image.AssertClean();
        FileTree.AssertSame(expected, image.ReadWithMount(expected.Keys.Where(k => k.Contains(':', StringComparison.Ordinal))));
    }

    [Fact]
    public void Clusters_of_two_mebibytes_are_understood()
    {
        using var gzip = new GZipStream(File.OpenRead(Corpus.Require("fs-ntfs/dissect/boot_2m.bin.gz")), CompressionMode.Decompress);
        var boot = new byte[512];
        gzip.ReadExactly(boot);
        long sectors = BitConverter.ToInt64(boot, 40);
        using var device = new SparseBoot(boot, (sectors + 1) * 512);
        Assert.Equal(2 << 20, NtfsGeometry.Read(device).ClusterSize);
    }

    internal static void Unpack(string name, string target)
    {
        string source = Corpus.Require("fs-ntfs/" + name);
        using FileStream output = File.Create(target);
        using Stream input = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(File.OpenRead(source), CompressionMode.Decompress) : File.OpenRead(source);
        if (name.EndsWith(".bz2", StringComparison.Ordinal))
        {
            Tool.Require("bzip2");
            string copy = target + ".bz2";
            File.Copy(source, copy);
            output.Dispose();
            Tool.Run("bzip2", "-d", "-f", copy);
            return;
        }

        input.CopyTo(output);
    }

    private static string[] Lines(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>A boot sector and nothing after it.</summary>
    private sealed class SparseBoot(byte[] boot, long length) : BlockDevice
    {
        public override long Length => length;

        public override void Read(long offset, Span<byte> buffer)
        {
            buffer.Clear();
            if (offset < boot.Length)
            {
                boot.AsSpan((int)offset, Math.Min(buffer.Length, boot.Length - (int)offset)).CopyTo(buffer);
            }
        }
    }
}
