using System.Globalization;
using V2V.Storage.Images;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Images;

/// <summary>Flipped bits, cut files and random numbers in the tables of real images: only our own errors, fixed seeds.</summary>
public class ImageFuzzTests
{
    /// <summary>Rounds for each image; more with V2V_FUZZ_ROUNDS. The first ones are always the same.</summary>
    private static readonly int s_rounds =
        int.TryParse(Environment.GetEnvironmentVariable("V2V_FUZZ_ROUNDS"), CultureInfo.InvariantCulture, out int rounds) ? rounds : 400;

    [Theory]
    [InlineData("vmdk", "subformat=monolithicSparse")]
    [InlineData("vmdk", "subformat=streamOptimized")]
    [InlineData("qcow2", "cluster_size=4k")]
    [InlineData("qcow2", "compression_type=zstd")]
    [InlineData("qcow2", "extended_l2=on")]
    public void DamagedImagesOfQemu(string format, string options)
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", 2_000_384, seed: 21);
        string path = folder.File("image");
        string[] compression = options.Contains("zstd", StringComparison.Ordinal) ? ["-c"] : [];
        Tool.Run("qemu-img", ["convert", "-f", "raw", "-O", format, .. compression, "-o", options, raw, path]);
        Fuzz(File.ReadAllBytes(path), format);
    }

    [Theory]
    [InlineData("disk-vmdk/dfvfs/ext2.vmdk", "vmdk")]
    [InlineData("disk-vmdk/vmdk-rs/streamOptimizedWithMarkers.vmdk", "vmdk")]
    [InlineData("disk-vmdk/dissect/sesparse.vmdk.gz", "vmdk")]
    [InlineData("disk-vmdk/cot/input.vmdk", "vmdk")]
    [InlineData("disk-qcow2/dfvfs/ext2.qcow2", "qcow2")]
    public void DamagedImagesOfOthers(string file, string format)
    {
        using var folder = new TemporaryDirectory();
        string path = file.EndsWith(".gz", StringComparison.Ordinal) ? ImageContent.Unpack(file, folder) : Corpus.Require(file);
        byte[] bytes = File.ReadAllBytes(path);
        Fuzz(bytes.Length > 32 << 20 ? bytes[..(32 << 20)] : bytes, format);
    }

    [Fact]
    public void DamagedDescriptors()
    {
        const string Text = "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=5b1fc3e6\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n"
            + "# Extent description\nRW 2048 FLAT \"x-flat.vmdk\" 0\nRW 100 ZERO\nRW 50 VMFS \"x-flat.vmdk\"\n# The Disk Data Base\n#DDB\nddb.adapterType = \"ide\"\n";
        Fuzz(System.Text.Encoding.ASCII.GetBytes(Text), "vmdk", _ => new MemoryDevice(2048 * 512));
    }

    [Fact]
    public void DamagedImagesAreWrittenOrRefused()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("image.qcow2");
        var data = new byte[100_000];
        using (Qcow2Image image = Qcow2Image.Create(path, 10 << 20, new Qcow2CreateOptions { ClusterSize = 4096 }))
        {
            for (int i = 0; i < 20; i++)
            {
                image.Write(i * 500_000, data.AsSpan(0, 50_000));
            }
        }

        byte[] good = File.ReadAllBytes(path);
        var random = new Random(6);
        for (int round = 0; round < s_rounds; round++)
        {
            byte[] bad = Damage(good, random, 65536);
            File.WriteAllBytes(path, bad);
            Expect(() =>
            {
                using Qcow2Image image = Qcow2Image.Open(path, writable: true);
                if (image.Length < 1L << 30)
                {
                    for (int i = 0; i < 10; i++)
                    {
                        image.Write(random.NextInt64(Math.Max(1, image.Length - 30_000)), data.AsSpan(0, 20_000));
                        image.WriteZeroes(random.NextInt64(Math.Max(1, image.Length - 30_000)), 20_000);
                    }
                }
            });
        }
    }

    private static void Fuzz(byte[] good, string format, Func<string, BlockDevice?>? members = null)
    {
        var random = new Random(good.Length);
        var buffer = new byte[100_000];
        int opened = 0;
        for (int round = 0; round < s_rounds; round++)
        {
            // Most of the meaning stands in the first sectors.
            byte[] bad = Damage(good, random, round % 3 == 0 ? good.Length : Math.Min(good.Length, 128 << 10));
            Expect(() =>
            {
                using BlockDevice disk = DiskImage.Open(new MemoryDevice(bad, writable: false), "fuzz", new MemberResolver("fuzz", members ?? (_ => null)), format);
                opened++;
                int extents = 0;
                foreach (BlockExtent extent in disk.GetExtents(0, disk.Length).Take(2000))
                {
                    if (extent.Kind == BlockExtentKind.Data && extents++ < 20)
                    {
                        Expect(() => disk.Read(extent.Offset, buffer.AsSpan(0, (int)Math.Min(extent.Length, buffer.Length))));
                    }
                }

                for (int i = 0; i < 5 && disk.Length > buffer.Length; i++)
                {
                    Expect(() => disk.Read(random.NextInt64(disk.Length - 5000), buffer.AsSpan(0, 5000)));
                }
            });
        }

        Assert.True(opened > 0, "No damaged image could be opened at all: the test reaches nothing.");
    }

    private static byte[] Damage(byte[] good, Random random, int range)
    {
        byte[] bad = random.Next(5) == 0 ? good[..random.Next(1, good.Length)] : [.. good];
        range = Math.Min(range, bad.Length);
        for (int i = random.Next(1, 8); i > 0; i--)
        {
            int at = random.Next(random.Next(2) == 0 ? Math.Min(512, range) : range);
            switch (random.Next(3))
            {
                case 0:
                    bad[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bad[at] = (byte)(random.Next(2) * 255);
                    break;
                default:
                    random.NextBytes(bad.AsSpan(at, Math.Min(random.Next(1, 9), bad.Length - at)));
                    break;
            }
        }

        return bad;
    }

    private static void Expect(Action action)
    {
        try
        {
            action();
        }
        catch (V2VException)
        {
            // The only kind of failure that damaged input may lead to.
        }
    }
}
