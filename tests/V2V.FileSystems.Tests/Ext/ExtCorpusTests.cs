using System.IO.Compression;
using System.Security.Cryptography;
using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Images that others made: e2fsprogs' broken ones, and healthy ones with known contents.</summary>
public class ExtCorpusTests
{
    /// <summary>Damage to the inodes of attributes that e2fsck 1.47.0 calls clean.</summary>
    private static readonly string[] s_missed = ["f_ea_inode_dir_ref", "f_ea_zero_size"];

    /// <summary>Every image opens or is refused, and everything in it reads or is refused, by our own exception alone.</summary>
    [Fact]
    public void BrokenImagesNeverCrash()
    {
        int images = 0;
        foreach (string path in Directory.EnumerateFiles(Corpus.Require("fs-ext"), "*.gz", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (Unpack(path) is not { } image)
            {
                continue;
            }

            images++;
            try
            {
                Visit(image, path);
            }
            catch (Exception e) when (e is not V2VException)
            {
                Assert.Fail($"{path}: {e}");
            }
            catch (V2VException)
            {
                // Refused as a whole.
            }
        }

        Assert.True(images > 90);
    }

    /// <summary>What e2fsck repairs is read in full, and written without damage.</summary>
    [Fact]
    public void RepairedImagesAreReadAndWritten()
    {
        Tool.Require("e2fsck");
        using var scratch = new TemporaryDirectory();
        int repaired = 0;
        foreach (string path in Directory.EnumerateFiles(Corpus.Require("fs-ext/e2fsprogs"), "image.gz", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (s_missed.Any(m => path.Contains(m, StringComparison.Ordinal)) || Unpack(path) is not { } image)
            {
                continue;
            }

            string copy = scratch.File("image");
            File.WriteAllBytes(copy, image);
            Tool.TryRun("e2fsck", "-fy", copy);
            Tool.TryRun("e2fsck", "-fy", copy);
            if (Tool.TryRun("e2fsck", "-fn", copy).ExitCode != 0)
            {
                continue;
            }

            try
            {
                using FileDevice device = FileDevice.Open(copy, writable: true);
                using ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: true);
                TreeWalk.Read(fileSystem, strict: true);
                Edit(fileSystem);
            }
            catch (V2VException e) when (e.ErrorId is "ExtFeatureUnsupported" or "ExtEncrypted" or "ExtVolumeTruncated" or "ExtNoSpace" or "ExtJournalDevice")
            {
                continue;
            }
            catch (Exception e)
            {
                Assert.Fail($"{path}: {e}");
            }

            (int exitCode, string output) = Tool.TryRun("e2fsck", "-fn", copy);
            Assert.True(exitCode == 0, $"{path}:\n{output}");
            repaired++;
        }

        Assert.True(repaired > 60, $"only {repaired} images were repaired and written");
    }

    [Fact]
    public void KnownContentsAreRead()
    {
        Tool.Require("zstd");
        using var scratch = new TemporaryDirectory();
        string image = scratch.File("image");
        Tool.Run("zstd", "-q", "-d", Corpus.Require("fs-ext/ext4-view-rs/test_disk1.bin.zst"), "-o", image);
        using FileDevice device = FileDevice.Open(image);
        using ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: false);
        using var expected = new StreamReader(new GZipStream(
            File.OpenRead(Corpus.Require("fs-ext/expected/ext4-view-rs_test_disk1.tsv.gz")), CompressionMode.Decompress));
        int compared = 0;
        while (expected.ReadLine() is { } line)
        {
            string[] field = line.Split('\t');
            if (line.StartsWith('#') || field[0].StartsWith("encrypted_dir/", StringComparison.Ordinal))
            {
                continue;
            }

            FileEntry entry = fileSystem.TryGetEntry("/" + field[0])!;
            Assert.True(entry is not null, field[0]);
            Assert.Equal($"{field[3]} {field[4]} {field[5]}", $"0o{Convert.ToString(entry.Mode, 8)} {entry.Uid} {entry.Gid}");
            if (field[1] == "f")
            {
                using Stream stream = fileSystem.OpenRead("/" + field[0]);
                Assert.Equal(field[6], Convert.ToHexStringLower(SHA256.HashData(stream)));
            }
            else if (field[1] == "l")
            {
                Assert.Equal(field[6], fileSystem.ReadLink("/" + field[0]));
            }

            compared++;
        }

        Assert.True(compared > 10_000);
        V2VException refused = Assert.Throws<V2VException>(() => fileSystem.EnumerateDirectory("/encrypted_dir").Count());
        Assert.Equal("ExtEncrypted", refused.ErrorId);
    }

    private static void Visit(byte[] image, string path)
    {
        using (ExtFileSystem fileSystem = ExtFileSystem.Open(new MemoryDevice(image, writable: false), writable: false))
        {
            TreeWalk.Read(fileSystem, strict: false);
        }

        using var device = new CopyOnWriteDevice(new MemoryDevice(image, writable: false));
        using ExtFileSystem writable = ExtFileSystem.Open(device, writable: true);
        Edit(writable);
        Assert.NotEmpty(path);
    }

    private static void Edit(ExtFileSystem fileSystem)
    {
        var metadata = new FileMetadata(0x1A4);
        fileSystem.CreateDirectory("/v2v-directory", metadata with { Mode = 0x1ED });
        for (int i = 0; i < 5; i++)
        {
            fileSystem.WriteAllBytes($"/v2v-directory/file-{i}", new byte[i * 700], metadata);
        }

        foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory("/").ToArray())
        {
            if (entry.Type == GuestFileType.File)
            {
                fileSystem.Delete("/" + entry.Name);
            }
        }

        fileSystem.Flush();
    }

    private static byte[]? Unpack(string path)
    {
        const int Limit = 256 << 20;
        using var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        var memory = new MemoryStream();
        var buffer = new byte[1 << 20];
        for (int length = stream.Read(buffer); length > 0; length = stream.Read(buffer))
        {
            memory.Write(buffer, 0, length);
            if (memory.Length > Limit)
            {
                return null;
            }
        }

        return memory.ToArray();
    }
}
