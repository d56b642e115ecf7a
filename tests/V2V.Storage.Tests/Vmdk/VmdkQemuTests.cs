using V2V.Storage.Images;
using V2V.Storage.Vmdk;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Vmdk;

/// <summary>Every form of VMDK that QEMU writes, read in order, at random places and by several threads.</summary>
public class VmdkQemuTests
{
    private const long Size = 37_000_192;

    [Theory]
    [InlineData("monolithicSparse", "")]
    [InlineData("monolithicSparse", ",zeroed_grain=on")]
    [InlineData("monolithicFlat", "")]
    [InlineData("twoGbMaxExtentSparse", "")]
    [InlineData("twoGbMaxExtentFlat", "")]
    [InlineData("streamOptimized", "")]
    [InlineData("streamOptimized", ",zeroed_grain=on")]
    public void ReadsEverySubformat(string subformat, string options)
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 5);
        string vmdk = folder.File("disk.vmdk");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=" + subformat + options, raw, vmdk);
        using FileDevice expected = FileDevice.Open(raw);
        using var disk = (VmdkImage)DiskImage.Open(vmdk, allowAbsolute: false);
        Assert.Equal(subformat, disk.Descriptor?.CreateType);
        ImageContent.AssertSame(expected, disk);
        ReadInParallel(expected, disk);
        if (!subformat.EndsWith("Flat", StringComparison.Ordinal))
        {
            Assert.Contains(disk.GetExtents(0, disk.Length), e => e.Kind != BlockExtentKind.Data);
        }
    }

    [Fact]
    public void SplitsAcrossTwoGibibytes()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = folder.File("big.raw");
        const long Length = 5L << 30;
        using (FileDevice file = FileDevice.Create(raw, Length))
        {
            var data = new byte[300_000];
            new Random(1).NextBytes(data);
            file.Write((2L << 30) - 150_000, data);
            file.Write((4L << 30) + 12345, data);
        }

        string vmdk = folder.File("split.vmdk");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", raw, vmdk);
        using FileDevice expected = FileDevice.Open(raw);
        using BlockDevice disk = DiskImage.Open(vmdk);
        Assert.True(((VmdkImage)disk).Descriptor!.Extents.Count >= 3);
        var left = new byte[1 << 20];
        var right = new byte[1 << 20];
        foreach (long at in (long[])[(2L << 30) - 500_000, (4L << 30) - 500_000, Length - (1 << 20)])
        {
            expected.Read(at, left);
            disk.Read(at, right);
            Assert.Equal(left, right);
        }

        Assert.InRange(disk.GetExtents(0, Length).Where(e => e.Kind == BlockExtentKind.Data).Sum(e => e.Length), 600_000, 1 << 20);
    }

    [Fact]
    public void SnapshotReadsThroughItsParent()
    {
        Tool.Require("qemu-img", "qemu-io");
        using var folder = new TemporaryDirectory();
        (string child, string raw) = MakeSnapshot(folder);
        using FileDevice expected = FileDevice.Open(raw);
        using BlockDevice disk = DiskImage.Open(child, allowAbsolute: false);
        ImageContent.AssertSame(expected, disk);
    }

    [Fact]
    public void SnapshotRefusesAChangedParent()
    {
        Tool.Require("qemu-img", "qemu-io");
        using var folder = new TemporaryDirectory();
        (string child, _) = MakeSnapshot(folder);
        string parent = folder.File("parent.vmdk");
        byte[] bytes = File.ReadAllBytes(parent);
        int at = bytes.AsSpan().IndexOf("CID="u8);
        bytes[at + 4] = bytes[at + 4] == (byte)'1' ? (byte)'2' : (byte)'1';
        File.WriteAllBytes(parent, bytes);
        Assert.Equal("VmdkParentChanged", Assert.Throws<V2VException>(() => DiskImage.Open(child).Dispose()).ErrorId);
    }

    [Fact]
    public void RedundantDirectoryReplacesABrokenOne()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 5);
        string vmdk = folder.File("disk.vmdk");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", raw, vmdk);
        byte[] bytes = File.ReadAllBytes(vmdk);
        long directory = BitConverter.ToInt64(bytes, 56) * 512;
        bytes.AsSpan((int)directory, 8).Fill(0xFE);
        File.WriteAllBytes(vmdk, bytes);
        using FileDevice expected = FileDevice.Open(raw);
        using (BlockDevice disk = DiskImage.Open(vmdk))
        {
            ImageContent.AssertSame(expected, disk);
        }

        long redundant = BitConverter.ToInt64(bytes, 48) * 512;
        bytes.AsSpan((int)redundant, 8).Fill(0xFE);
        File.WriteAllBytes(vmdk, bytes);
        Assert.Equal("VmdkDirectoryInvalid", Assert.Throws<V2VException>(() => DiskImage.Open(vmdk).Dispose()).ErrorId);
    }

    [Fact]
    public void RedundantTableReplacesABrokenOne()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 5);
        string vmdk = folder.File("disk.vmdk");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", raw, vmdk);
        byte[] bytes = File.ReadAllBytes(vmdk);
        long directory = BitConverter.ToInt64(bytes, 56) * 512;
        long table = BitConverter.ToUInt32(bytes, (int)directory) * 512L;
        bytes.AsSpan((int)table, 64).Fill(0xFE);
        File.WriteAllBytes(vmdk, bytes);
        using FileDevice expected = FileDevice.Open(raw);
        using BlockDevice disk = DiskImage.Open(vmdk);
        ImageContent.AssertSame(expected, disk);
    }

    [Fact]
    public void FlippedBitInAGrainIsNoticed()
    {
        Tool.Require("qemu-img");
        using var folder = new TemporaryDirectory();
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 5);
        string vmdk = folder.File("disk.vmdk");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, vmdk);
        byte[] bytes = File.ReadAllBytes(vmdk);
        bytes[bytes.Length / 2] ^= 0x10;
        File.WriteAllBytes(vmdk, bytes);
        using BlockDevice disk = DiskImage.Open(vmdk);
        Assert.Equal("VmdkGrainDamaged", Assert.Throws<V2VException>(() => ImageContent.Sha256(disk)).ErrorId);
    }

    private static (string Child, string Raw) MakeSnapshot(TemporaryDirectory folder)
    {
        string raw = ImageContent.MakeRaw(folder, "base.raw", Size, seed: 5);
        string parent = folder.File("parent.vmdk");
        string child = folder.File("child.vmdk");
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", raw, parent);
        Tool.Run("qemu-img", "create", "-f", "vmdk", "-b", parent, "-F", "vmdk", child);
        string[] writes = ["-c", "write -P 0x5a 65536 131072", "-c", "write -P 0xa5 9999872 500", "-c", "write -P 0x33 36000000 100000"];
        Tool.Run("qemu-io", ["-f", "vmdk", .. writes, child]);
        Tool.Run("qemu-io", ["-f", "raw", .. writes, raw]);
        return (child, raw);
    }

    private static void ReadInParallel(FileDevice expected, BlockDevice disk) =>
        Parallel.For(0, 64, seed =>
        {
            var random = new Random(seed);
            var left = new byte[400_000];
            var right = new byte[400_000];
            for (int i = 0; i < 10; i++)
            {
                int length = random.Next(1, seed % 2 == 0 ? left.Length : 4096);
                long offset = random.NextInt64(0, Size - length + 1);
                expected.Read(offset, left.AsSpan(0, length));
                disk.Read(offset, right.AsSpan(0, length));
                Assert.True(left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length)));
            }
        });
}
