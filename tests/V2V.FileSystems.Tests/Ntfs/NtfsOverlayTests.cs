using V2V.FileSystems.Ntfs;
using V2V.Testing;
using Xunit;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>
/// Files of CompactOS. Their chunks are those of a resource in a WIM archive, so wimlib compresses them; the stream and the reparse point that
/// make such a file of them are set by V2V and ntfs-3g.
/// </summary>
public sealed class NtfsOverlayTests
{
    [Theory]
    [InlineData("XPRESS", "4K", 0)]
    [InlineData("LZX", "32K", 1)]
    [InlineData("XPRESS", "8K", 2)]
    [InlineData("XPRESS", "16K", 3)]
    public void Compacted_files_are_read_and_rewritten_plainly(string compression, string chunkSize, uint algorithm)
    {
        Tool.Require("wimlib-imagex", "setfattr");
        using var scratch = new TemporaryDirectory();
        byte[] content = Content();
        byte[] compressed = WimResource.Compress(scratch, content, compression, chunkSize);
        Assert.True(compressed.Length < content.Length);
        using var image = new NtfsImage("-c 4096", 64 << 20);
        image.Write(fileSystem =>
        {
            fileSystem.CreateFile("/compact.exe", NtfsImage.Metadata);
            using (Stream stream = fileSystem.OpenWrite("/compact.exe"))
            {
                stream.SetLength(content.Length);
            }

            fileSystem.WriteAllBytes("/compact.exe:WofCompressedData", compressed, NtfsImage.Metadata);
        });
        var point = new byte[24];
        uint[] fields = [ReparsePoint.OverlayFilter, 16, 1, 2, 1, algorithm];
        for (int i = 0; i < fields.Length; i++)
        {
            WriteUInt32LittleEndian(point.AsSpan(i * 4), fields[i]);
        }

        image.WithMount("rw", root => Tool.Run("setfattr", "-n", "system.ntfs_reparse_data", "-v", "0x" + Convert.ToHexString(point), Path.Combine(root, "compact.exe")));
        image.Read(fileSystem =>
        {
            Assert.True(fileSystem.ReadAllBytes("/compact.exe").AsSpan().SequenceEqual(content), compression + chunkSize);
            using Stream stream = fileSystem.OpenRead("/compact.exe");
            var piece = new byte[1000];
            stream.Position = content.Length - 70_000;
            stream.ReadExactly(piece);
            Assert.True(content.AsSpan(content.Length - 70_000, 1000).SequenceEqual(piece));
        });
        image.Write(fileSystem =>
        {
            using Stream stream = fileSystem.OpenWrite("/compact.exe");
            stream.Position = 10;
            stream.Write("patched"u8);
        });
        "patched"u8.CopyTo(content.AsSpan(10));
        image.AssertClean();
        image.WithMount("ro", root => Assert.True(File.ReadAllBytes(Path.Combine(root, "compact.exe")).AsSpan().SequenceEqual(content)));
        image.Read(fileSystem => Assert.DoesNotContain("user.WofCompressedData", fileSystem.ListExtendedAttributes("/compact.exe")));
    }

    /// <summary>Code of a program (with its calls), text, noise and zeroes.</summary>
    private static byte[] Content()
    {
        byte[] program = File.ReadAllBytes(Tool.Find("mkntfs")!);
        var noise = new byte[100_000];
        new Random(9).NextBytes(noise);
        string text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i % 977} of many\r\n"));
        return [.. program, .. noise, .. System.Text.Encoding.ASCII.GetBytes(text), .. new byte[80_001], .. program];
    }
}
