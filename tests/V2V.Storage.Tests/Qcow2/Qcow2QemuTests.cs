using System.Buffers.Binary;
using System.Text;
using V2V.Storage.Images;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Qcow2;

/// <summary>Every kind of qcow2 that QEMU writes.</summary>
public class Qcow2QemuTests
{
    private const long Size = 21_000_192;

    public static TheoryData<string, bool> Options()
    {
        var data = new TheoryData<string, bool>();
        foreach (bool compressed in (bool[])[false, true])
        {
            foreach (string options in (string[])[
                "compat=0.10", "compat=0.10,cluster_size=512", "compat=0.10,cluster_size=2M", "compat=1.1", "cluster_size=512", "cluster_size=4k",
                "cluster_size=1M", "cluster_size=2M", "lazy_refcounts=on", "refcount_bits=1", "refcount_bits=2", "refcount_bits=4", "refcount_bits=8", "refcount_bits=32",
                "refcount_bits=64", "extended_l2=on", "extended_l2=on,cluster_size=16k", "extended_l2=on,cluster_size=2M", "compression_type=zstd", "compression_type=zstd,cluster_size=4k",
                "compression_type=zstd,extended_l2=on"])
            {
                data.Add(options, compressed);
            }
        }

        data.Add("preallocation=metadata", false);
        data.Add("preallocation=falloc", false);
        data.Add("preallocation=full", false);
        return data;
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void ReadsWhatQemuWritesAndQemuReadsWhatWeAdd(string options, bool compressed)
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 11);
        string qcow2 = folder.File("disk.qcow2");
        string[] compression = compressed ? ["-c"] : [];
        Tool.Run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", .. compression, "-o", options, raw, qcow2]);
        using (FileDevice expected = FileDevice.Open(raw))
        using (BlockDevice disk = DiskImage.Open(qcow2))
        {
            ImageContent.AssertSame(expected, disk);
        }

        byte[] model = File.ReadAllBytes(raw);
        var random = new Random(options.Length);
        using (Qcow2Image disk = Qcow2Image.Open(qcow2, writable: true))
        {
            for (int i = 0; i < 60; i++)
            {
                int length = random.Next(1, 1 << random.Next(1, 20));
                int offset = (int)random.NextInt64(0, Size - length + 1);
                if (random.Next(3) == 0)
                {
                    model.AsSpan(offset, length).Clear();
                    disk.WriteZeroes(offset, length);
                }
                else
                {
                    random.NextBytes(model.AsSpan(offset, length));
                    disk.Write(offset, model.AsSpan(offset, length));
                }
            }

            ImageContent.AssertSame(new MemoryDevice(model), disk);
        }

        File.WriteAllBytes(raw, model);
        Assert.Contains("No errors were found", Tool.Run("qemu-img", "check", qcow2), StringComparison.Ordinal);
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, qcow2);
    }

    [Fact]
    public void ReadsSubclusters()
    {
        Tool.Require("qemu-img", "qemu-io");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 12);
        string qcow2 = folder.File("sub.qcow2");
        Tool.Run("qemu-img", "create", "-f", "qcow2", "-o", "extended_l2=on", "-b", raw, "-F", "raw", qcow2);
        Tool.Run("qemu-io", "-f", "qcow2", "-c", "write -P 7 4096 2048", "-c", "write -z 10240 8192", "-c", "write -P 9 1000000 300000", "-c", "write -z 2000000 70000", qcow2);
        string expected = folder.File("expected.raw");
        Tool.Run("qemu-img", "convert", "-O", "raw", qcow2, expected);
        using FileDevice model = FileDevice.Open(expected);
        using BlockDevice disk = DiskImage.Open(qcow2);
        ImageContent.AssertSame(model, disk);
    }

    [Fact]
    public void ReadsAnImageWithInternalSnapshotsButDoesNotWriteIt()
    {
        Tool.Require("qemu-img", "qemu-io");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 13);
        string qcow2 = folder.File("snap.qcow2");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2);
        Tool.Run("qemu-img", "snapshot", "-c", "one", qcow2);
        Tool.Run("qemu-io", "-f", "raw", "-c", "write -P 7 4096 200000", raw);
        Tool.Run("qemu-io", "-f", "qcow2", "-c", "write -P 7 4096 200000", qcow2);
        using (FileDevice model = FileDevice.Open(raw))
        using (BlockDevice disk = DiskImage.Open(qcow2))
        {
            Assert.Equal(1, ((Qcow2Image)disk).SnapshotCount);
            ImageContent.AssertSame(model, disk);
        }

        Assert.Equal("Qcow2NotWritable", Assert.Throws<V2VException>(() => Qcow2Image.Open(qcow2, writable: true)).ErrorId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ReadsAnExternalDataFile(bool isRaw)
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 14);
        string qcow2 = folder.File("disk.qcow2");
        Tool.Run("qemu-img", "create", "-f", "qcow2", "-o", $"data_file={folder.File("data.bin")},data_file_raw={(isRaw ? "on" : "off")}", qcow2, "21000192");
        Tool.Run("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", raw, qcow2);
        using FileDevice model = FileDevice.Open(raw);
        using BlockDevice disk = DiskImage.Open(qcow2);
        ImageContent.AssertSame(model, disk);
    }

    [Fact]
    public void ReadsDottedAndNestedReferences()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 15);
        foreach (string reference in (string[])[
            $"json:{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":\"{raw}\"}}}}",
            $"json:{{\"driver\":\"raw\",\"file.driver\":\"file\",\"file.filename\":\"{raw}\",\"offset\":512,\"size\":\"65536\"}}",
            $"json:{{\"driver\":\"raw\",\"file\":{{\"driver\":\"raw\",\"offset\":1024,\"size\":1048576,\"file.filename\":\"{raw}\"}}}}",
            "base.raw",
            "file:" + raw])
        {
            string overlay = folder.File("o.qcow2");
            Tool.Run("qemu-img", "create", "-f", "qcow2", "-b", reference, "-F", "raw", overlay);
            string expected = folder.File("expected.raw");
            Tool.Run("qemu-img", "convert", "-O", "raw", overlay, expected);
            using FileDevice model = FileDevice.Open(expected);
            using BlockDevice disk = DiskImage.Open(overlay);
            ImageContent.AssertSame(model, disk);
        }
    }

    [Fact]
    public void EncryptionIsRefusedByName()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string path = folder.File("luks.qcow2");
        Tool.Run("qemu-img", "create", "--object", "secret,id=s,data=x", "-f", "qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", path, "1M");
        Assert.Equal("Qcow2Encrypted", Assert.Throws<V2VException>(() => DiskImage.Open(path)).ErrorId);
    }

    [Fact]
    public void UnknownFeatureIsRefusedByTheNameThatTheImageGives()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("future.qcow2");
        Qcow2Image.Create(path, 1 << 20).Dispose();
        byte[] bytes = File.ReadAllBytes(path);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(72), 1UL << 9);
        int table = bytes.AsSpan().IndexOf("dirty bit"u8) - 2;
        bytes[table + 1] = 9;
        Encoding.ASCII.GetBytes("time travel").CopyTo(bytes.AsSpan(table + 2));
        File.WriteAllBytes(path, bytes);
        V2VException error = Assert.Throws<V2VException>(() => DiskImage.Open(path));
        Assert.Equal("Qcow2FeatureUnsupported", error.ErrorId);
        Assert.Contains("time travel", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void DirtyAndCorruptImagesAreReadButNotWritten(byte bit, bool isDirty)
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("dirty.qcow2");
        using (Qcow2Image image = Qcow2Image.Create(path, 1 << 20))
        {
            image.Write(1000, [1, 2, 3]);
        }

        byte[] bytes = File.ReadAllBytes(path);
        bytes[79] = bit;
        File.WriteAllBytes(path, bytes);
        using (Qcow2Image image = Qcow2Image.Open(path))
        {
            Assert.Equal(isDirty, image.IsDirty);
            Assert.Equal(!isDirty, image.IsMarkedCorrupt);
            var buffer = new byte[3];
            image.Read(1000, buffer);
            Assert.Equal([1, 2, 3], buffer);
        }

        Assert.Equal("Qcow2NotWritable", Assert.Throws<V2VException>(() => Qcow2Image.Open(path, writable: true)).ErrorId);
    }
}
