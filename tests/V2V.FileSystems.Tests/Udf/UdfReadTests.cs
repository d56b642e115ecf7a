using V2V.FileSystems.Tests.Iso;
using V2V.FileSystems.Udf;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Udf;

public sealed class UdfReadTests
{
    [Theory]
    [InlineData("udf-bdr-2.60-nero", "/test.txt")]
    [InlineData("udf-cd-nero-6", "/test.txt")]
    [InlineData("udf-hdd-macosx-2.60-4096")]
    [InlineData("udf-hdd-mkudffs-1.3-1")]
    [InlineData("udf-hdd-win7")]
    [InlineData("udf")]
    public void The_images_of_util_linux_are_read(string name, params string[] files)
    {
        using GuestFileSystem udf = Unpack(name);
        SortedDictionary<string, byte[]> found = IsoTree.Read(udf);
        Assert.Equal(files, found.Keys);
        Assert.All(found.Values, c => Assert.Equal(name == "udf-cd-nero-6" ? "test\n"u8.ToArray() : [], c));
        Assert.Equal("udf", udf.Type);
        Assert.All(files, f => Assert.InRange(udf.TryGetEntry(f)!.ModifiedTime.Year, 2009, 2017));
    }

    [Fact]
    public void The_bridge_of_libcdio_is_read_as_its_iso_side()
    {
        BlockDevice device = FileDevice.Open(Corpus.Require("iso-udf/libcdio/test-udf1.iso"));
        using GuestFileSystem iso = FileSystems.Iso.IsoFileSystem.Open(device), udf = FileSystemProbe.Open(device, writable: false);
        Assert.Equal("udf", udf.Type);
        IsoTree.AssertSame(IsoTree.Read(iso), IsoTree.Read(udf));
        Assert.Equal(iso.TryGetEntry("/COPYING")!.ModifiedTime, udf.TryGetEntry("/COPYING")!.ModifiedTime.AddTicks(-(udf.TryGetEntry("/COPYING")!.ModifiedTime.Ticks % TimeSpan.TicksPerSecond)));
    }

    [Fact]
    public void What_genisoimage_writes_is_the_hosts_tree()
    {
        Tool.Require("genisoimage");
        using var directory = new TemporaryDirectory();
        string root = directory.File("tree"), image = directory.File("image.iso");
        IsoTree.Populate(Directory.CreateDirectory(root).FullName);
        Tool.Run("genisoimage", "-quiet", "-udf", "-R", "-o", image, root);
        using GuestFileSystem udf = FileSystemProbe.Open(FileDevice.Open(image), writable: false);
        Assert.Equal("udf", udf.Type);
        IsoTree.AssertSame(IsoTree.ReadHost(root), IsoTree.Read(udf));
    }

    [Theory]
    [InlineData(512, "--media-type=hd")]
    [InlineData(4096, "--media-type=hd", "--udfrev=1.02")]
    [InlineData(32768, "--media-type=hd")]
    [InlineData(2048, "--media-type=hd", "--ad=short")]
    [InlineData(2048, "--media-type=hd", "--ad=long")]
    [InlineData(2048, "--media-type=dvdram", "--udfrev=2.00")]
    [InlineData(2048, "--media-type=cdrw")]
    [InlineData(2048, "--media-type=cdrw", "--udfrev=1.50")]
    [InlineData(2048, "--media-type=cdr", "--udfrev=1.50", "--closed")]
    [InlineData(2048, "--media-type=cdr", "--closed")]
    [InlineData(2048, "--media-type=dvdr")]
    [InlineData(2048, "--media-type=hd", "--strategy=4096")]
    public void What_mkudffs_makes_is_read(int blockSize, params string[] options)
    {
        byte[] image = Make(blockSize, options);
        using UdfFileSystem udf = UdfFileSystem.Open(new MemoryDevice(image));
        Assert.Equal(blockSize, udf.BlockSize);
        FileEntry root = udf.TryGetEntry("/")!;
        Assert.Equal((GuestFileType.Directory, 0x1C9, 7u), (root.Type, root.Mode, root.Uid));
        Assert.All(udf.EnumerateDirectory("/"), e => Assert.Contains(e.Name, (string[])["lost+found", "Non-Allocatable Space"]));
    }

    [Fact]
    public void A_packet_that_moved_is_read_at_its_new_place()
    {
        byte[] image = Make(2048, "--media-type=cdrw");
        int table = Find(image, "*UDF Sparing Table"), map = Find(image, "*UDF Sparable Partition") - 5, partition = FindTag(image, 5);
        int packet = BitConverter.ToUInt16(image, map + 40), spare = (int)BitConverter.ToUInt32(image, table - 17 + 56 + 4) * 2048;
        int start = ((int)BitConverter.ToUInt32(image, partition + 188) + packet) * 2048;
        byte[] content = image[start..(start + (packet * 2048))];
        Assert.True(content.AsSpan().ContainsAnyExcept((byte)0));
        content.CopyTo(image, spare);
        image.AsSpan(start, content.Length).Clear();
        Assert.Throws<V2VException>(() => UdfFileSystem.Open(new MemoryDevice(image)));
        for (int at = image.AsSpan().IndexOf("*UDF Sparing Table"u8); at >= 0;)
        {
            BitConverter.TryWriteBytes(image.AsSpan(at - 17 + 56), (uint)packet);
            int next = image.AsSpan(at + 1).IndexOf("*UDF Sparing Table"u8);
            at = next < 0 ? -1 : at + 1 + next;
        }

        using UdfFileSystem udf = UdfFileSystem.Open(new MemoryDevice(image));
        Assert.Equal(0x1C9, udf.TryGetEntry("/")!.Mode);
    }

    [Fact]
    public void The_reserve_sequence_and_the_other_anchors_are_used()
    {
        byte[] image = Make(2048, "--media-type=hd");
        int main = (int)BitConverter.ToUInt32(image, (256 * 2048) + 20) * 2048, length = (int)BitConverter.ToUInt32(image, (256 * 2048) + 16);
        image.AsSpan(main, length).Clear();
        image.AsSpan(256 * 2048, 2048).Clear();
        using UdfFileSystem udf = UdfFileSystem.Open(new MemoryDevice(image));
        Assert.Equal(0x1C9, udf.TryGetEntry("/")!.Mode);
    }

    [Theory]
    [InlineData("udf-bdr-2.60-nero")]
    [InlineData("udf-cd-nero-6")]
    public void Damaged_images_of_the_corpus_give_our_errors_only(string name)
    {
        using GuestFileSystem udf = Unpack(name);
        byte[] image = new byte[udf.Device.Length];
        udf.Device.Read(0, image);
        Fuzz(image);
    }

    [Fact]
    public void Damaged_images_of_mkudffs_give_our_errors_only()
    {
        Fuzz(Make(2048, "--media-type=cdrw"));
        Fuzz(Make(512, "--media-type=hd"));
    }

    /// <summary>Damages descriptors and mends their checksums, so that what is behind them is reached.</summary>
    private static void Fuzz(byte[] original)
    {
        int block = original.AsSpan(256 * 512, 2) is [2, 0] ? 512 : 2048;
        int[] descriptors = [.. Enumerable.Range(0, original.Length / block).Where(i => original.AsSpan(i * block, 16) is var tag && tag[0] != 0 && UdfTag.Identify(original.AsSpan(i * block, block), BitConverter.ToUInt32(tag[12..])) != 0)];
        Assert.True(descriptors.Length > 5);
        var random = new Random(5);
        byte[] bytes = [.. original];
        for (int round = 0; round < 1500; round++)
        {
            var changed = new List<int>();
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                int start = descriptors[random.Next(descriptors.Length)] * block;
                changed.Add(start);
                for (int flips = random.Next(1, 6); flips > 0; flips--)
                {
                    bytes[start + 16 + random.Next(Math.Min(block - 16, 480))] = (byte)random.Next(256);
                }

                int length = Math.Min((int)BitConverter.ToUInt16(bytes, start + 10), block - 16);
                BitConverter.TryWriteBytes(bytes.AsSpan(start + 8), UdfTag.Crc(bytes.AsSpan(start + 16, length)));
                bytes[start + 4] = 0;
                byte sum = 0;
                foreach (byte b in bytes.AsSpan(start, 16))
                {
                    sum += b;
                }

                bytes[start + 4] = sum;
            }

            try
            {
                using UdfFileSystem udf = UdfFileSystem.Open(new MemoryDevice(bytes));
                Ext.TreeWalk.Read(udf, strict: false);
            }
            catch (V2VException)
            {
                // Refused by name.
            }

            changed.ForEach(c => original.AsSpan(c, block).CopyTo(bytes.AsSpan(c)));
        }
    }

    private static byte[] Make(int blockSize, params string[] options)
    {
        Tool.Require("mkudffs");
        using var directory = new TemporaryDirectory();
        string image = directory.File("image");
        File.WriteAllBytes(image, new byte[blockSize > 4096 ? 32 << 20 : 12 << 20]);
        Tool.Run("mkudffs", [$"--blocksize={blockSize}", "--mode=0711", "--uid=7", "--label=Test", .. options, image]);
        byte[] made = File.ReadAllBytes(image);

        // A disc that is written once ends with what was written last.
        bool isOnce = options.Any(o => o is "--media-type=cdr" or "--media-type=dvdr");
        return isOnce ? made[..((made.AsSpan().LastIndexOfAnyExcept((byte)0) / blockSize * blockSize) + blockSize)] : made;
    }

    private static int Find(byte[] image, string text) => image.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(text));

    private static int FindTag(byte[] image, int tag) =>
        Enumerable.Range(0, image.Length / 2048).First(i => UdfTag.Identify(image.AsSpan(i * 2048, 2048), (uint)i) == tag) * 2048;

    private static GuestFileSystem Unpack(string name)
    {
        Tool.Require("xz", "sh");
        using var directory = new TemporaryDirectory();
        string image = directory.File("image");
        Tool.Run("sh", "-c", $"xz -dc '{Corpus.Require($"iso-udf/util-linux/{name}.img.xz")}' > '{image}'");
        return FileSystemProbe.Open(new MemoryDevice(File.ReadAllBytes(image)), writable: false);
    }
}
