using System.Security.Cryptography;
using System.Text;
using V2V.FileSystems.Fat;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>Volumes that others wrote.</summary>
public sealed class FatReadTests
{
    [Fact]
    public void A_volume_of_the_corpus_reads_as_its_readme_says()
    {
        using FileDevice device = FileDevice.Open(Corpus.Require("fs-fat/rust-fatfs/fat12.img"));
        using GuestFileSystem fileSystem = FileSystemProbe.Open(device, writable: false);

        Assert.Equal("vfat", fileSystem.Type);
        Assert.Equal("Test!", fileSystem.Label);
        Assert.Equal("1234-5678", fileSystem.Uuid);
        SortedDictionary<string, byte[]?> tree = FileTree.Read(fileSystem);
        const string Line = "Rust is cool!\n";
        Assert.Equal(string.Concat(Enumerable.Repeat(Line, 1000)), Encoding.ASCII.GetString(tree["long.txt"]!));
        Assert.Equal(Line, Encoding.ASCII.GetString(tree["short.txt"]!));
        Assert.Equal(Line, Encoding.ASCII.GetString(tree["very/long/path/test.txt"]!));
        Assert.Equal(Line, Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/VERY-L~1/VERY-L~1.TXT")));
        Assert.Contains("very-long-dir-name/very-long-file-name.txt", tree.Keys);
    }

    [Theory]
    [InlineData("-F 12", 2 << 20)]
    [InlineData("-F 16 -s 2", 20 << 20)]
    [InlineData("-F 32 -s 1", 40 << 20)]
    [InlineData("-F 32 -s 2 -S 4096", 600 << 20)]
    public void What_mtools_wrote_is_read(string options, long length)
    {
        using var image = new FatImage(options, length);
        using var temporary = new TemporaryDirectory();
        string root = Directory.CreateDirectory(temporary.File("tree")).FullName;
        var random = new Random(3);
        foreach (string directory in (string[])["", "EFI", "EFI/BOOT", "EFI/debian", "a directory with a long name"])
        {
            Directory.CreateDirectory(Path.Combine(root, directory));
            foreach (string name in (string[])["BOOTX64.EFI", "grubx64.efi", "Übergröße.txt", "file with spaces and more than 8 letters.conf", "empty", ".hidden"])
            {
                var content = new byte[name == "empty" ? 0 : random.Next(40000)];
                random.NextBytes(content);
                File.WriteAllBytes(Path.Combine(root, directory, name), content);
            }
        }

        FatImage.Mtools("mcopy", ["-s", "-i", image.Path, .. Directory.GetFileSystemEntries(root), "::/"]);

        using FileDevice device = FileDevice.Open(image.Path);
        using FatFileSystem fileSystem = FatFileSystem.Open(device, writable: false);
        SortedDictionary<string, byte[]?> tree = FileTree.Read(fileSystem);
        Assert.Equal(30 + 4, tree.Count);
        foreach ((string path, byte[]? content) in tree)
        {
            string host = Path.Combine(root, path);
            Assert.True(content is null ? Directory.Exists(host) : SHA256.HashData(content).SequenceEqual(SHA256.HashData(File.ReadAllBytes(host))), path);
        }
    }

    [Fact]
    public void Free_extents_are_what_fsck_calls_free()
    {
        using var image = new FatImage("-F 32 -s 1", 40 << 20);
        image.Write(fileSystem => fileSystem.WriteAllBytes("/some file", new byte[100_000], FatImage.Metadata));
        using FileDevice device = FileDevice.Open(image.Path);
        using FatFileSystem fileSystem = FatFileSystem.Open(device, writable: false);

        long free = fileSystem.GetFreeExtents().Sum(extent => extent.Length);

        Assert.Equal(fileSystem.FreeBytes, free);
        string summary = Tool.Run("fsck.fat", "-n", image.Path);
        string[] used = summary[(summary.LastIndexOf(", ", StringComparison.Ordinal) + 2)..].Split('/', ' ');
        Assert.Equal((long.Parse(used[1], null) - long.Parse(used[0], null)) * 512, free);
        (long offset, long length) = fileSystem.GetFreeExtents().First();
        using (FileDevice writable = FileDevice.Open(image.Path, writable: true))
        {
            writable.Write(offset, Enumerable.Repeat((byte)0xAA, (int)Math.Min(length, 4096)).ToArray());
        }

        image.AssertClean();
    }
}
