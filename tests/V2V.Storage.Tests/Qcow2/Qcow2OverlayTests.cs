using V2V.Storage.Images;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Qcow2;

/// <summary>Random writes into overlays over every kind of backing file, judged by a model, <c>qemu-img check</c> and <c>qemu-img compare</c>.</summary>
public class Qcow2OverlayTests
{
    private const long Size = 24_000_512;
    private const long WindowOffset = 1536;

    public static TheoryData<string, int, int, int, bool> Overlays()
    {
        var data = new TheoryData<string, int, int, int, bool>
        {
            { "raw", 65536, 3, 16, false },
            { "vmdk-sparse", 65536, 3, 16, false },
            { "vmdk-stream", 65536, 3, 16, false },
            { "vmdk-in-tar", 65536, 3, 16, false },
            { "raw-in-tar", 65536, 3, 16, false },
            { "qcow2", 65536, 3, 16, false },
            { "qcow2-compressed", 4096, 3, 16, false },
            { "none", 65536, 3, 16, false },
            { "none", 512, 3, 16, false },
            { "none", 2 << 20, 3, 16, false },
            { "none", 4096, 2, 16, false },
            { "raw", 4096, 2, 16, false },
            { "short-raw", 65536, 3, 16, false },
            { "vmdk-stream", 65536, 3, 16, true },
            { "none", 16384, 3, 16, true },
        };
        foreach (int bits in (int[])[1, 2, 4, 8, 32, 64])
        {
            data.Add("none", 1024, 3, bits, false);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void RandomWritesMatchTheModel(string kind, int clusterSize, int version, int refcountBits, bool extended)
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 7);
        byte[] model = File.ReadAllBytes(raw);
        string overlay = folder.File("overlay.qcow2");
        var options = new Qcow2CreateOptions { ClusterSize = clusterSize, Version = version, RefcountBits = refcountBits, ExtendedL2 = extended };
        BackingReference? reference = MakeBacking(kind, folder, raw, model);
        var random = new Random(clusterSize + version + refcountBits);
        using (Qcow2Image image = reference is null
            ? Qcow2Image.Create(overlay, Size, options)
            : Qcow2Image.CreateOverlay(overlay, Size, reference.ToString(), reference.Driver, OpenBacking(reference), options))
        {
            WriteRandomly(image, model, random, 150);
            ImageContent.AssertSame(new MemoryDevice(model, writable: false), image);
            image.Flush();
            Tool.Run("qemu-img", "check", "-f", "qcow2", overlay);
        }

        Check(folder, overlay, model);

        // Opened again by its path alone, it finds its backing file by itself.
        using (Qcow2Image image = Qcow2Image.Open(overlay, writable: true))
        {
            ImageContent.AssertSame(new MemoryDevice(model, writable: false), image);
            WriteRandomly(image, model, random, 150);
        }

        Check(folder, overlay, model);
        using Qcow2Image last = Qcow2Image.Open(overlay);
        Assert.False(last.CanWrite);
        ImageContent.AssertSame(new MemoryDevice(model, writable: false), last);
    }

    [Fact]
    public void ThreadsWriteSideBySide()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        var model = new byte[Size];
        string path = folder.File("parallel.qcow2");
        using (Qcow2Image image = Qcow2Image.Create(path, Size))
        {
            // Neighbouring pieces of 7000 bytes: nearly every cluster is first written by two threads at once.
            const int Piece = 7000;
            new Random(3).NextBytes(model);
            model.AsSpan((int)(Size / Piece) * Piece).Clear();
            Parallel.For(0, Size / Piece, i => image.Write(i * Piece, model.AsSpan((int)i * Piece, Piece)));
            Parallel.For(0, Size / Piece, i =>
            {
                var buffer = new byte[Piece];
                image.Read(i * Piece, buffer);
                Assert.True(buffer.AsSpan().SequenceEqual(model.AsSpan((int)i * Piece, Piece)));
            });
        }

        Check(folder, path, model);
    }

    [Fact]
    public void AnOverlayStoresNothingForZeroes()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 9);
        string path = folder.File("overlay.qcow2");
        using (Qcow2Image image = Qcow2Image.CreateOverlay(path, Size, raw, "raw", FileDevice.Open(raw)))
        {
            image.WriteZeroes(0, Size);
            Assert.All(image.GetExtents(0, Size), e => Assert.NotEqual(BlockExtentKind.Data, e.Kind));
        }

        Assert.InRange(new FileInfo(path).Length, 0, 1 << 20);
        Check(folder, path, new byte[Size]);
    }

    [Fact]
    public void TrimmedClustersAreUsedAgain()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string path = folder.File("reuse.qcow2");
        var data = new byte[1 << 20];
        new Random(1).NextBytes(data);
        using (Qcow2Image image = Qcow2Image.Create(path, Size))
        {
            for (int i = 0; i < 20; i++)
            {
                image.Write(i << 16, data.AsSpan(0, 65536));
                image.WriteZeroes(i << 16, 65536);
            }
        }

        Assert.InRange(new FileInfo(path).Length, 0, 640 << 10);
        Check(folder, path, new byte[Size]);
    }

    private static void WriteRandomly(Qcow2Image image, byte[] model, Random random, int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            int length = random.Next(1, 1 << random.Next(1, 21));
            long offset = random.NextInt64(0, Size - length + 1);
            if (random.Next(4) == 0)
            {
                // Cluster-aligned now and then, as trimming does.
                if (random.Next(2) == 0)
                {
                    offset -= offset % 65536;
                }

                image.WriteZeroes(offset, length);
                model.AsSpan((int)offset, length).Clear();
            }
            else
            {
                random.NextBytes(model.AsSpan((int)offset, length));
                image.Write(offset, model.AsSpan((int)offset, length));
            }
        }
    }

    private static void Check(TemporaryDirectory folder, string path, byte[] model)
    {
        string output = Tool.Run("qemu-img", "check", "-f", "qcow2", path);
        Assert.Contains("No errors were found", output, StringComparison.Ordinal);
        string expected = folder.File("model.raw");
        File.WriteAllBytes(expected, model);
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", expected, path);
    }

    private static BlockDevice OpenBacking(BackingReference reference) =>
        reference.Open(new ImageOpenContext("test", new HostFileResolver("/", allowAbsolute: true)));

    private static BackingReference? MakeBacking(string kind, TemporaryDirectory folder, string raw, byte[] model)
    {
        switch (kind)
        {
            case "none":
                model.AsSpan().Clear();
                return null;
            case "raw":
                return BackingReference.ForImage("raw", raw);
            case "short-raw":
                model.AsSpan(10_000_000).Clear();
                string cut = folder.File("short.raw");
                File.WriteAllBytes(cut, model.AsSpan(0, 10_000_000 - (10_000_000 % 512)));
                model.AsSpan(10_000_000 - (10_000_000 % 512)).Clear();
                return BackingReference.ForImage("raw", cut);
            case "raw-in-tar":
                return BackingReference.ForImage("raw", Embed(folder, raw), WindowOffset, Size);
            case "qcow2":
                return BackingReference.ForImage("qcow2", Convert(folder, raw, "qcow2"));
            case "qcow2-compressed":
                return BackingReference.ForImage("qcow2", Convert(folder, raw, "qcow2", "-c"));
            case "vmdk-sparse":
                return BackingReference.ForImage("vmdk", Convert(folder, raw, "vmdk"));
            default:
                string vmdk = Convert(folder, raw, "vmdk", "-o", "subformat=streamOptimized");
                return kind == "vmdk-stream"
                    ? BackingReference.ForImage("vmdk", vmdk)
                    : BackingReference.ForImage("vmdk", Embed(folder, vmdk), WindowOffset, new FileInfo(vmdk).Length);
        }
    }

    private static string Convert(TemporaryDirectory folder, string raw, string format, params string[] options)
    {
        string target = folder.File("base." + format);
        Tool.Run("qemu-img", ["convert", "-f", "raw", "-O", format, .. options, raw, target]);
        return target;
    }

    /// <summary>Puts a file into the middle of another one, as in a tar.</summary>
    private static string Embed(TemporaryDirectory folder, string file)
    {
        string container = folder.File("container ä \"quoted\".ova");
        using FileStream target = File.Create(container);
        target.Write(new byte[WindowOffset]);
        target.Write(File.ReadAllBytes(file));
        target.Write(new byte[10240]);
        return container;
    }
}
