using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Images;

/// <summary>The devices that everything else stands on.</summary>
public class DeviceTests
{
    [Fact]
    public void FileRegionReadsAndRefusesWhatLiesOutside()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("file");
        byte[] content = [.. Enumerable.Range(0, 10000).Select(i => (byte)i)];
        File.WriteAllBytes(path, content);
        using FileDevice device = FileDevice.Open(path, offset: 1000, length: 5000);
        var buffer = new byte[100];
        device.Read(4900, buffer);
        Assert.Equal(content[5900..6000], buffer);
        Assert.Equal("BlockRangeOutside", Assert.Throws<V2VException>(() => device.Read(4901, new byte[100])).ErrorId);
        Assert.Equal("BlockDeviceReadOnly", Assert.Throws<V2VException>(() => device.Write(0, buffer)).ErrorId);
        Assert.Equal("BlockRangeOutside", Assert.Throws<V2VException>(() => FileDevice.Open(path, offset: 5001, length: 5000)).ErrorId);
        Assert.Equal("HostFileNotFound", Assert.Throws<V2VException>(() => FileDevice.Open(folder.File("none"))).ErrorId);
        Assert.Equal("HostFileNotFound", Assert.Throws<V2VException>(() => FileDevice.Open(folder.File("no/where"))).ErrorId);
    }

    [Fact]
    public void HolesOfAFileAreAbsent()
    {
        using var folder = new TemporaryDirectory();
        using FileDevice device = FileDevice.Create(folder.File("sparse"), 10 << 20);
        device.Write(4 << 20, new byte[] { 1 });
        BlockExtent[] extents = [.. device.GetExtents(1000, (10 << 20) - 1000)];
        Assert.Equal(1000, extents[0].Offset);
        Assert.Equal(10 << 20, extents[^1].End);
        Assert.Contains(extents, e => e.Kind == BlockExtentKind.Data && e.Offset <= 4 << 20 && e.End > 4 << 20);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(BlockExtentKind.Absent, extents[0].Kind);
            Assert.True(extents.Where(e => e.Kind == BlockExtentKind.Data).Sum(e => e.Length) <= 65536);
        }
    }

    [Fact]
    public void CopyOnWriteKeepsItsSourceAndMatchesAModel()
    {
        var source = new byte[1_000_100];
        new Random(1).NextBytes(source);
        byte[] original = [.. source];
        byte[] model = [.. source];
        var device = new CopyOnWriteDevice(new MemoryDevice(source, writable: false));
        Assert.True(device.IsUnchanged);
        var random = new Random(2);
        for (int i = 0; i < 300; i++)
        {
            int length = random.Next(1, 1 << random.Next(1, 16));
            int offset = random.Next(0, model.Length - length + 1);
            if (i % 3 == 0)
            {
                device.WriteZeroes(offset, length);
                model.AsSpan(offset, length).Clear();
            }
            else
            {
                random.NextBytes(model.AsSpan(offset, length));
                device.Write(offset, model.AsSpan(offset, length));
            }
        }

        ImageContent.AssertSame(new MemoryDevice(model), device);
        Assert.Equal(original, source);
    }

    [Fact]
    public void CopyOnWriteIsBounded()
    {
        var device = new CopyOnWriteDevice(new ZeroDevice(1L << 40), memoryLimit: 1 << 20);
        Assert.Equal("CopyOnWriteLimit", Assert.Throws<V2VException>(() => device.Write(1L << 39, new byte[2 << 20])).ErrorId);
    }

    [Fact]
    public void WindowsReadAndWriteInTheirParent()
    {
        var parent = new MemoryDevice(10000);
        var window = new SubDevice(parent, 1000, 2000);
        window.Write(1990, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        Assert.Equal(10, parent.Span[2999]);
        Assert.Equal([new BlockExtent(5, 10, BlockExtentKind.Data)], window.GetExtents(5, 10));
        Assert.Equal("BlockRangeOutside", Assert.Throws<V2VException>(() => window.Write(1991, new byte[10])).ErrorId);
        Assert.Equal("BlockRangeOutside", Assert.Throws<V2VException>(() => new SubDevice(parent, 9000, 1001)).ErrorId);
    }
}
