using System.Text;
using V2V.FileSystems.Fat;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.FileSystems.Tests.Probe;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>Committed volumes, read and written without any tool.</summary>
public sealed class FatFixtureTests
{
    [Theory]
    [InlineData("fat12.img", 12)]
    [InlineData("fat16.img", 16)]
    public void What_mtools_wrote_is_read(string name, int bits)
    {
        using FatFileSystem fileSystem = FatFileSystem.Open(VolumeFixture.Open(name), writable: false);
        SortedDictionary<string, byte[]?> tree = FileTree.Read(fileSystem);

        Assert.Equal(bits, fileSystem.FatBits);
        Assert.Equal(
            ["EFI", "EFI/BOOT", "EFI/BOOT/BOOTX64.EFI", "a directory with a long name", "a directory with a long name/a file with a long name.conf", "empty", "lines.txt"],
            tree.Keys);
        Assert.Equal("short\n", Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/efi/boot/bootx64.efi")));
        Assert.Equal("long name\n", Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/ADIREC~1/AFILEW~1.CON")));
        Assert.Equal((5000, 0), (tree["lines.txt"]!.Length, tree["empty"]!.Length));
        Assert.Equal(2020, fileSystem.TryGetEntry("/lines.txt")!.ModifiedTime.Year);
    }

    [Theory]
    [InlineData("fat12.img")]
    [InlineData("fat16.img")]
    [InlineData("fat32.img")]
    public void What_is_written_is_read_again(string name)
    {
        MemoryDevice device = VolumeFixture.Open(name);
        var expected = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal);
        long free;
        using (FatFileSystem fileSystem = FatFileSystem.Open(device, writable: true))
        {
            foreach ((string path, byte[]? content) in FileTree.Read(fileSystem))
            {
                expected[path] = content;
            }

            free = fileSystem.FreeBytes;
            fileSystem.CreateDirectory("/New Directory", FatImage.Metadata);
            expected["New Directory"] = null;
            for (int i = 0; i < 40; i++)
            {
                byte[] content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"{i} ", i * 40)));
                fileSystem.WriteAllBytes($"/new directory/Some File {i}.txt", content, FatImage.Metadata);
                expected[$"New Directory/Some File {i}.txt"] = content;
            }

            fileSystem.Rename("/new directory/some file 3.TXT", "/moved");
            expected["moved"] = expected["New Directory/Some File 3.txt"];
            expected.Remove("New Directory/Some File 3.txt");
        }

        using (FatFileSystem fileSystem = FatFileSystem.Open(device, writable: true))
        {
            FileTree.AssertSame(expected, FileTree.Read(fileSystem));
            Assert.Equal(fileSystem.FreeBytes, fileSystem.GetFreeExtents().Sum(extent => extent.Length));
            foreach (string path in FileTree.Read(fileSystem).Keys.Where(k => k.StartsWith("New", StringComparison.Ordinal)).OrderByDescending(k => k.Length).ToArray())
            {
                fileSystem.Delete("/" + path);
            }

            fileSystem.Delete("/MOVED");
            Assert.Equal(free, fileSystem.FreeBytes);
        }
    }
}
