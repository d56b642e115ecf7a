using V2V.Storage.Images;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Images;

/// <summary>Disks beyond 2 TiB: 64-bit sizes everywhere, and extents that are cheap where nothing is stored.</summary>
public class LargeDiskTests
{
    private const long Size = (5L << 40) + 512;

    [Theory]
    [InlineData(65536, false)]
    [InlineData(2 << 20, false)]
    [InlineData(65536, true)]
    public void Qcow2(int clusterSize, bool extended)
    {
        Tool.Require("qemu-img", "qemu-io");
        using var folder = new TemporaryDirectory();
        string path = folder.File("large.qcow2");
        byte[] data = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))];
        using (Qcow2Image image = Qcow2Image.Create(path, Size, new Qcow2CreateOptions { ClusterSize = clusterSize, ExtendedL2 = extended }))
        {
            image.Write(Size - data.Length, data);
            image.Write((3L << 40) + 123, data);
            image.WriteZeroes(1 << 20, Size - (2 << 20));
            image.Write((4L << 40) - 50_000, data);
        }

        Assert.Contains("No errors were found", Tool.Run("qemu-img", "check", path), StringComparison.Ordinal);
        using BlockDevice disk = DiskImage.Open(path);
        Assert.Equal(Size, disk.Length);
        var buffer = new byte[data.Length];
        disk.Read((4L << 40) - 50_000, buffer);
        Assert.Equal(data, buffer);
        disk.Read((3L << 40) + 123, buffer);
        Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)0));
        disk.Read(Size - data.Length, buffer);
        Assert.Equal(data, buffer);
        Assert.InRange(disk.GetExtents(0, Size).Where(e => e.Kind == BlockExtentKind.Data).Sum(e => e.Length), 2 * data.Length, 4L * Math.Max(clusterSize, 131072));
    }

    [Fact]
    public void Vmdk()
    {
        Tool.Require("qemu-img", "qemu-io");
        using var folder = new TemporaryDirectory();
        string path = folder.File("large.vmdk");
        Tool.Run("qemu-img", "create", "-f", "vmdk", path, "3T");
        Tool.Run("qemu-io", "-f", "vmdk", "-c", "write -P 0x5a 2900000000000 100000", path);
        using BlockDevice disk = DiskImage.Open(path);
        Assert.Equal(3L << 40, disk.Length);
        var buffer = new byte[100_000];
        disk.Read(2_900_000_000_000, buffer);
        Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)0x5A));
        BlockExtent extent = Assert.Single(disk.GetExtents(0, disk.Length), e => e.Kind == BlockExtentKind.Data);
        Assert.InRange(2_900_000_000_000, extent.Offset, extent.End - 100_000);
    }

    [Fact]
    public void RawFile()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("large.raw");
        using FileDevice disk = FileDevice.Create(path, Size);
        disk.Write(Size - 3, [1, 2, 3]);
        var buffer = new byte[3];
        disk.Read(Size - 3, buffer);
        Assert.Equal([1, 2, 3], buffer);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(BlockExtentKind.Absent, disk.GetExtents(0, Size).First().Kind);
        }
    }
}
