using System.Text;
using V2V.Core.Inspection.Initramfs;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class InitramfsTests
{
    private static readonly string[] s_files =
        ["lib/modules/6.1/kernel/a-b.ko", "lib/modules/6.1/kernel/c.ko.xz", "lib/modules/6.1/d.ko.zst", "lib/modules/6.1/modules.dep", "etc/x"];

    private static InitramfsContents Read(byte[] content) => InitramfsReader.Read(new MemoryStream(content), TestContext.Current.CancellationToken);

    /// <summary>A cpio archive made here: names, with content of 100 bytes each; a name that ends in an arrow is a link.</summary>
    private static byte[] Archive(params string[] names)
    {
        var stream = new MemoryStream();
        foreach (string name in names.Append("TRAILER!!!"))
        {
            bool isLink = name.EndsWith("->", StringComparison.Ordinal);
            string plain = isLink ? name[..^2] : name;
            int length = plain == "TRAILER!!!" ? 0 : 101;
            stream.Write(Encoding.ASCII.GetBytes(
                $"070701{1:X8}{(isLink ? 0xA1FF : 0x81A4):X8}{0:X8}{0:X8}{1:X8}{0:X8}{length:X8}{0:X8}{0:X8}{0:X8}{0:X8}{plain.Length + 1:X8}{0:X8}{plain}\0"));
            stream.SetLength((stream.Length + 3) & ~3);
            stream.Position = stream.Length;
            stream.Write(Enumerable.Repeat((byte)'x', length).ToArray());
            stream.SetLength((stream.Length + 3) & ~3);
            stream.Position = stream.Length;
        }

        return stream.ToArray();
    }

    /// <summary>An archive made by cpio itself.</summary>
    private static byte[] CpioArchive(TemporaryDirectory directory, string format, params string[] names)
    {
        string root = directory.File("root" + Guid.NewGuid().ToString("N"));
        foreach (string name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(root, name))!);
            File.WriteAllBytes(Path.Combine(root, name), new byte[300 + name.Length]);
        }

        string archive = directory.File(Guid.NewGuid().ToString("N"));
        Tool.Run("sh", "-c", $"cd '{root}' && find . | cpio --quiet -o -H {format} > '{archive}'");
        return File.ReadAllBytes(archive);
    }

    [Theory]
    [InlineData("mke2fs", "ext2", "gzip")]
    [InlineData("mke2fs", "ext2", "cat")]
    [InlineData("mkfs.cramfs", "cramfs", "cat")]
    [InlineData("mkfs.minix", "minix", "gzip")]
    [InlineData("mksquashfs", "squashfs", "cat")]
    public void An_initrd_that_is_a_file_system_is_told(string program, string name, string compress)
    {
        Tool.Require(program, compress);
        using var directory = new TemporaryDirectory();
        string image = directory.File("image"), tree = Directory.CreateDirectory(directory.File("tree")).FullName;
        File.WriteAllText(tree + "/linuxrc", "#!/bin/nash\n");
        string[] arguments = program switch
        {
            "mke2fs" => ["-q", "-F", "-t", "ext2", image, "1M"],
            "mkfs.cramfs" => [tree, image],
            "mkfs.minix" => [image],
            _ => [tree, image, "-quiet", "-no-progress"],
        };
        if (program == "mkfs.minix")
        {
            File.WriteAllBytes(image, new byte[1 << 20]);
        }

        Tool.Run(program, arguments);
        InitramfsContents contents = Read(Compress(directory, File.ReadAllBytes(image), compress));
        Assert.Equal(name, contents.FileSystem);
        Assert.Contains("before Linux 2.6", contents.Problem, StringComparison.Ordinal);
        Assert.Null(Read(Archive("init")).FileSystem);
        Assert.Null(Read([1, 2, 3]).FileSystem);
    }

    private static byte[] Compress(TemporaryDirectory directory, byte[] content, string command)
    {
        string plain = directory.File(Guid.NewGuid().ToString("N")), packed = plain + ".packed";
        File.WriteAllBytes(plain, content);
        Tool.Run("sh", "-c", $"{command} < '{plain}' > '{packed}'");
        return File.ReadAllBytes(packed);
    }

    [Theory]
    [InlineData("newc")]
    [InlineData("crc")]
    public void PlainArchivesAreRead(string format)
    {
        Tool.Require("cpio", "sh", "find");
        using var directory = new TemporaryDirectory();
        InitramfsContents contents = Read(CpioArchive(directory, format, s_files));
        Assert.Null(contents.Problem);
        Assert.Equal("none", contents.Compression);
        Assert.Equal(1, contents.Archives);
        Assert.Equal(["lib/modules/6.1"], contents.Modules.Keys);
        Assert.Equal(["a_b", "c", "d"], contents.Modules["lib/modules/6.1"].Keys.Order());
    }

    [Theory]
    [InlineData("gzip", "gzip -n", "gzip")]
    [InlineData("gzip", "gzip -n -1", "gzip")]
    [InlineData("xz", "xz --check=crc32", "xz")]
    [InlineData("xz", "xz --check=sha256 --lzma2=dict=1MiB", "xz")]
    [InlineData("xz", "xz --check=none --block-size=65536", "xz")]
    [InlineData("zstd", "zstd -19", "zstd")]
    [InlineData("zstd", "zstd -1 --no-check", "zstd")]
    [InlineData("lz4", "lz4 -l -9", "lz4")]
    [InlineData("lzma", "xz --format=lzma", "xz")]
    [InlineData("bzip2", "bzip2", "bzip2")]
    [InlineData("lzo", "lzop -9", "lzop")]
    [InlineData("lzo", "lzop -1", "lzop")]
    [InlineData("lzo", "lzop -3 --crc32", "lzop")]
    public void EveryCompressionIsReadBetweenOtherSegments(string compression, string command, string program)
    {
        Tool.Require("cpio", "sh", "find", program);
        using var directory = new TemporaryDirectory();
        byte[] early = CpioArchive(directory, "newc", "kernel/x86/microcode/GenuineIntel.bin");
        var random = new Random(7);
        byte[] noise = new byte[700_000];
        random.NextBytes(noise.AsSpan(0, 350_000));
        byte[] main = [.. Archive("lib->", "usr/lib/modules/6.1/kernel/main.ko", "usr/lib/modules/6.1/kernel/second.ko.gz"), .. new byte[512]];
        byte[] big = [.. main[..^512], .. EntryWithContent("noise", noise), .. Archive("usr/lib/modules/6.1/kernel/third.ko"), .. new byte[512]];
        byte[] added = Archive("usr/lib/modules/6.1/kernel/virtio_blk.ko");
        foreach (byte[] plain in (byte[][])[main, big])
        {
            byte[] packed = Compress(directory, plain, command);
            byte[] whole = [.. early, .. packed, .. new byte[(4 - ((early.Length + packed.Length) & 3)) & 3], .. added, .. new byte[1000]];
            InitramfsContents contents = Read(whole);
            Assert.Null(contents.Problem);
            Assert.Equal(compression, contents.Compression);
            Assert.True(contents.IsLibLink);
            Assert.Equal(
                plain == main ? ["main", "second", "virtio_blk"] : ["main", "second", "third", "virtio_blk"],
                contents.Modules["usr/lib/modules/6.1"].Keys.Order(StringComparer.Ordinal));

            // The compressed part alone, and with the next segment on a page of its own.
            Assert.Null(Read(packed).Problem);
            contents = Read([.. packed, .. new byte[4096 - (packed.Length & 4095)], .. new byte[300_000 & ~4095], .. added]);
            Assert.Null(contents.Problem);
            Assert.Contains("virtio_blk", contents.Modules["usr/lib/modules/6.1"].Keys);
        }
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(600_000)]
    [InlineData(2_000_001)]
    public void LongContentsArePassedOver(int length)
    {
        byte[] whole = [.. EntryWithContent("usr/lib/modules/6.1/first.ko", new byte[length]), .. Archive("usr/lib/modules/6.1/second.ko")];
        InitramfsContents contents = Read(whole);
        Assert.Null(contents.Problem);
        Assert.Equal(["first", "second"], contents.Modules["usr/lib/modules/6.1"].Keys.Order());
        Assert.NotNull(Read(whole[..(length / 2)]).Problem);
    }

    [Fact]
    public void SeveralCompressedSegmentsAreRead()
    {
        Tool.Require("gzip", "zstd", "sh");
        using var directory = new TemporaryDirectory();
        byte[] first = Compress(directory, Archive("lib/modules/1/a.ko"), "gzip -n"), second = Compress(directory, Archive("lib/modules/1/b.ko"), "gzip -n");
        Assert.Equal(["a", "b"], Read([.. first, .. second]).Modules["lib/modules/1"].Keys.Order());
        first = Compress(directory, Archive("lib/modules/1/a.ko"), "zstd");
        second = Compress(directory, Archive("lib/modules/1/b.ko"), "zstd");
        Assert.Equal(["a", "b"], Read([.. first, .. second]).Modules["lib/modules/1"].Keys.Order());
    }

    [Fact]
    public void LibIsADirectoryUnlessTheLastEntrySaysLink()
    {
        Assert.False(Read(Archive("lib", "lib/modules/1/a.ko")).IsLibLink);
        Assert.True(Read(Archive("./lib->", "./usr/lib/modules/1/a.ko")).IsLibLink);
        Assert.Equal(["usr/lib/modules/1"], Read(Archive("./usr/lib/modules/1/a.ko")).Modules.Keys);
        Assert.Equal(["usr/lib/modules/1"], Read(Archive("/usr/lib/modules/1/a.ko")).Modules.Keys);
    }

    [Theory]
    [InlineData("virtio-blk.ko", "virtio_blk")]
    [InlineData("virtio_blk.ko.zst", "virtio_blk")]
    [InlineData("a.ko.gz", "a")]
    [InlineData("a.ko.xz", "a")]
    [InlineData("a.o", "a")]
    [InlineData("a.kob", null)]
    [InlineData(".ko", null)]
    [InlineData("modules.dep", null)]
    [InlineData("x.gz", null)]
    public void ModuleNamesAreFreeOfEndings(string file, string? expected) => Assert.Equal(expected, ModuleName.FromFileName(Encoding.ASCII.GetBytes(file)));

    [Fact]
    public void TruncationsAreReported()
    {
        byte[] archive = Archive(s_files);
        for (int length = 0; length < archive.Length; length += 7)
        {
            InitramfsContents contents = Read(archive[..length]);
            Assert.True(contents.Problem is not null || contents.Archives == 0 || length > archive.Length - 128);
        }
    }

    [Fact]
    public void UnknownFormatsAreReported()
    {
        Assert.NotNull(Read("this is no initramfs at all"u8.ToArray()).Problem);
        Assert.NotNull(Read([0x04, 0x22, 0x4D, 0x18, 1, 2, 3]).Problem);
        Assert.Null(Read([]).Problem);
        Assert.Null(Read(new byte[10_000]).Problem);
    }

    [Fact]
    public void BombIsStopped()
    {
        Tool.Require("zstd", "sh", "head");
        using var directory = new TemporaryDirectory();
        string file = directory.File("bomb");
        Tool.Run("sh", "-c", $"(head -c 3000000000 /dev/zero) | zstd -q -1 > '{file}'");
        using FileStream stream = File.OpenRead(file);
        InitramfsContents contents = InitramfsReader.Read(stream, TestContext.Current.CancellationToken);
        Assert.Contains("larger than", contents.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void HugeDictionaryIsRefused()
    {
        Tool.Require("xz", "sh");
        using var directory = new TemporaryDirectory();
        byte[] packed = Compress(directory, Archive("a"), "xz --check=none");
        packed[16] = 40;
        Assert.Contains("dictionary", Read(packed).Problem, StringComparison.Ordinal);
        Assert.Contains("dictionary", Read([0x5D, 0, 0, 0, 0x80, .. new byte[30]]).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void EndlessEntriesAreStopped()
    {
        byte[] one = Archive("a")[..^124];
        var stream = new MemoryStream();
        for (int i = 0; i < InitramfsReader.MaxEntries + 10; i++)
        {
            stream.Write(one);
        }

        Assert.Contains("entries", InitramfsReader.Read(new MemoryStream(stream.GetBuffer(), 0, (int)stream.Length), TestContext.Current.CancellationToken).Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cat")]
    [InlineData("gzip -n")]
    [InlineData("xz --check=crc32")]
    [InlineData("zstd")]
    [InlineData("lz4 -l")]
    [InlineData("xz --format=lzma")]
    [InlineData("bzip2")]
    [InlineData("lzop")]
    public void DamageIsReportedNotThrown(string command)
    {
        Tool.Require("sh", command.Split(' ')[0]);
        using var directory = new TemporaryDirectory();
        byte[] packed = [.. Archive("early"), .. Compress(directory, Archive(s_files), command), .. Archive("late")];
        foreach (byte[] damaged in Guests.Damage(packed, 500))
        {
            Read(damaged);
        }
    }

    private static byte[] EntryWithContent(string name, byte[] content)
    {
        var stream = new MemoryStream();
        stream.Write(Encoding.ASCII.GetBytes(
            $"070701{1:X8}{0x81A4:X8}{0:X8}{0:X8}{1:X8}{0:X8}{content.Length:X8}{0:X8}{0:X8}{0:X8}{0:X8}{name.Length + 1:X8}{0:X8}{name}\0"));
        stream.SetLength((stream.Length + 3) & ~3);
        stream.Position = stream.Length;
        stream.Write(content);
        stream.SetLength((stream.Length + 3) & ~3);
        return stream.ToArray();
    }
}
