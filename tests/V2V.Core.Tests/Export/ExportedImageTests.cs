using System.Globalization;
using V2V.Core.Export;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>Exported disks as qemu-img judges them: no errors, no leaks, and the bytes of the source.</summary>
public sealed class ExportedImageTests
{
    private const long MiB = 1 << 20;
    private const long KiB64 = 1 << 16;

    public static TheoryData<ExportFormat, ExportCompression, ExportAllocation> Kinds => new()
    {
        { ExportFormat.Qcow2, ExportCompression.None, ExportAllocation.Sparse },
        { ExportFormat.Qcow2, ExportCompression.Zlib, ExportAllocation.Sparse },
        { ExportFormat.Qcow2, ExportCompression.Zstd, ExportAllocation.Sparse },
        { ExportFormat.Qcow2, ExportCompression.None, ExportAllocation.Preallocated },
        { ExportFormat.Raw, ExportCompression.None, ExportAllocation.Sparse },
        { ExportFormat.Raw, ExportCompression.None, ExportAllocation.Preallocated },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Extents_that_touch_no_boundary_come_out_right(ExportFormat format, ExportCompression compression, ExportAllocation allocation)
    {
        var device = new PatternDevice(
            40 * MiB + 512,
            (0, 512),
            (1024, 1),
            (KiB64 - 1, 2),
            (3 * KiB64, KiB64),
            (5 * KiB64 + 100, 3 * KiB64),
            (MiB - 10, 20),
            (2 * MiB, 9 * MiB + 4097),
            (40 * MiB + 500, 12));
        device.HiddenZeroes.Add((4 * MiB, 3 * MiB));
        Verify(device, format, compression, allocation);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Random_extents_come_out_right(ExportFormat format, ExportCompression compression, ExportAllocation allocation)
    {
        for (int seed = 1; seed <= 6; seed++)
        {
            var random = new Random(seed);
            long length = random.NextInt64(1, 24 * MiB / 512) * 512;
            var data = new List<(long, long)>();
            for (long at = 0; at < length;)
            {
                at += random.Next(3) == 0 ? random.NextInt64(1, 2 * MiB) : random.Next(40) * 4096;
                long count = Math.Min(random.Next(4) == 0 ? random.NextInt64(1, 3 * MiB) : random.Next(1, 9) * 4096, length - at);
                if (count > 0)
                {
                    data.Add((at, count));
                    at += count;
                }
            }

            var device = new PatternDevice(length, [.. data]);
            device.HiddenZeroes.Add((random.NextInt64(length), random.NextInt64(MiB)));
            Verify(device, format, compression, allocation);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_disk_without_data_is_an_image_of_zeroes(ExportFormat format, ExportCompression compression, ExportAllocation allocation)
    {
        Verify(new PatternDevice(3 * MiB + 512), format, compression, allocation);
        Verify(new PatternDevice(512), format, compression, allocation);
    }

    [Theory]
    [InlineData(ExportFormat.Qcow2)]
    [InlineData(ExportFormat.Raw)]
    public void A_disk_of_no_bytes_is_an_empty_image(ExportFormat format)
    {
        Tool.Require("qemu-img");
        using var directory = new TemporaryDirectory();
        V2VExport result = Machines.Export(new ExportOptions { Directory = directory.Path, Format = format }, new PatternDevice(0));
        string info = Tool.Run("qemu-img", "info", "--output=json", "-f", Name(format), result.Disks[0].Path);
        Assert.Contains("\"virtual-size\": 0", info, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExportFormat.Qcow2, ExportCompression.None)]
    [InlineData(ExportFormat.Qcow2, ExportCompression.Zstd)]
    [InlineData(ExportFormat.Raw, ExportCompression.None)]
    public void A_disk_beyond_2_TiB_takes_no_more_than_its_data(ExportFormat format, ExportCompression compression)
    {
        const long TiB = 1L << 40;
        var device = new PatternDevice(5 * TiB, (0, MiB), (2 * TiB - 4096, 8192), (5 * TiB - 512, 512));
        Verify(device, format, compression, ExportAllocation.Sparse, result => Assert.InRange(result.Disks[0].StoredBytes, 1, 8 * MiB));
    }

    [Fact]
    public void Only_data_is_read()
    {
        using var directory = new TemporaryDirectory();
        var device = new PatternDevice(1L << 40, (MiB, 3 * MiB), (1L << 39, 4096));
        V2VExport result = Machines.Export(new ExportOptions { Directory = directory.Path }, device);
        Assert.Equal((3 * MiB) + 4096, device.BytesRead);
        Assert.Equal((3 * MiB) + 4096, result.Disks[0].DataBytes);
    }

    [Fact]
    public void Data_that_does_not_compress_is_stored_as_it_is()
    {
        Tool.Require("qemu-img");
        using var directory = new TemporaryDirectory();
        string raw = directory.File("random.raw");
        var noise = new byte[(9 * MiB) + 512];
        new Random(1).NextBytes(noise);
        noise.AsSpan((int)(2 * MiB), (int)MiB).Fill(7);
        noise.AsSpan((int)(4 * MiB) + 30000, 200000).Clear();
        File.WriteAllBytes(raw, noise);
        foreach (ExportCompression compression in new[] { ExportCompression.Zlib, ExportCompression.Zstd })
        {
            V2VExport result = Machines.Export(
                new ExportOptions { Directory = directory.Path, Compression = compression, Force = true }, new Storage.MemoryDevice(noise, writable: false));
            Tool.Run("qemu-img", "check", "-f", "qcow2", result.Disks[0].Path);
            Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, result.Disks[0].Path);
            Assert.InRange(result.Disks[0].StoredBytes, 7 * MiB, 9 * MiB);
        }
    }

    private static void Verify(
        PatternDevice device, ExportFormat format, ExportCompression compression, ExportAllocation allocation, Action<V2VExport>? also = null)
    {
        Tool.Require("qemu-img");
        using var directory = new TemporaryDirectory();
        V2VExport result = Machines.Export(
            new ExportOptions { Directory = directory.Path, Format = format, Compression = compression, Allocation = allocation, Parallelism = 3 }, device);
        Assert.True(device.IsDisposed);
        ExportedDisk disk = Assert.Single(result.Disks);
        if (format == ExportFormat.Qcow2)
        {
            string check = Tool.Run("qemu-img", "check", "-f", "qcow2", disk.Path);
            Assert.Contains("No errors were found", check, StringComparison.Ordinal);
            Assert.DoesNotContain("leak", check, StringComparison.OrdinalIgnoreCase);
        }

        // The oracle is a raw file that is written without our code.
        string expected = directory.File("expected.raw");
        using (var file = new FileStream(expected, FileMode.CreateNew))
        {
            file.SetLength(device.Length);
            using var again = device.Copy();
            foreach (Storage.BlockExtent extent in again.GetExtents(0, device.Length))
            {
                if (extent.Kind == Storage.BlockExtentKind.Data)
                {
                    var bytes = new byte[extent.Length];
                    again.Read(extent.Offset, bytes);
                    file.Position = extent.Offset;
                    file.Write(bytes);
                }
            }
        }

        string sizes = Tool.Run("qemu-img", "info", "--output=json", "-f", Name(format), disk.Path);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"\"virtual-size\": {device.Length}"), sizes, StringComparison.Ordinal);
        Assert.Contains("identical", Tool.Run("qemu-img", "compare", "-f", "raw", "-F", Name(format), expected, disk.Path), StringComparison.Ordinal);
        also?.Invoke(result);
    }

    private static string Name(ExportFormat format) => format == ExportFormat.Raw ? "raw" : "qcow2";
}
