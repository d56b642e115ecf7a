using System.Buffers.Binary;
using V2V.Storage.Images;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Images;

/// <summary>Images of a few bytes that claim to hold a whole disk, by tables that refer to the same data again and again.</summary>
public class SharedStorageTests
{
    private const long Size = 4L << 30;

    [Theory]
    [InlineData("", "cluster_size=64k")]
    [InlineData("-c", "cluster_size=64k")]
    [InlineData("", "extended_l2=on")]
    public void OneTableOfQcow2ForAllOffsets(string compression, string options)
    {
        using var folder = new TemporaryDirectory();
        byte[] image = Make(folder, "qcow2", compression, options);
        int l1 = (int)BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(40)), entries = (int)BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan(36));
        byte[] first = image[l1..(l1 + 8)];
        for (int i = 1; i < entries; i++)
        {
            first.CopyTo(image, l1 + (i * 8));
        }

        AssertRefused(folder, image, "Qcow2ClustersShared");
    }

    [Fact]
    public void OneTableOfVmdkForAllGrains()
    {
        using var folder = new TemporaryDirectory();
        AssertRefused(folder, MakeVmdk(folder, "monolithicSparse"), "VmdkGrainsShared");
    }

    [Fact]
    public void GrainsOfAStreamSayWhereTheyBelong()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("shared");
        File.WriteAllBytes(path, MakeVmdk(folder, "streamOptimized"));
        using BlockDevice disk = DiskImage.Open(path);
        Assert.Throws<V2VException>(() => disk.Read(512 * 65536, new byte[65536]));
    }

    private static byte[] MakeVmdk(TemporaryDirectory folder, string subformat)
    {
        byte[] image = Make(folder, "vmdk", "", "subformat=" + subformat);
        foreach (int field in (int[])[48, 56])
        {
            int directory = (int)BinaryPrimitives.ReadInt64LittleEndian(image.AsSpan(field)) * 512;
            for (int i = 1; directory > 0 && i < Size / (512 * 65536); i++)
            {
                image.AsSpan(directory, 4).CopyTo(image.AsSpan(directory + (i * 4)));
            }
        }

        return image;
    }

    private static byte[] Make(TemporaryDirectory folder, string format, string compression, string options)
    {
        Tool.Require("qemu-img");
        string raw = folder.File("raw"), image = folder.File("made");
        using (FileStream file = File.Create(raw))
        {
            byte[] content = new byte[1 << 20];
            new Random(1).NextBytes(content);
            file.Write(content);
            file.SetLength(Size);
        }

        Tool.Run("qemu-img", ["convert", "-f", "raw", "-O", format, .. compression.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-o", options, raw, image]);
        using (BlockDevice sound = DiskImage.Open(image))
        {
            Assert.Equal(1 << 20, sound.GetExtents(0, Size).Where(e => e.Kind == BlockExtentKind.Data).Sum(e => e.Length));
        }

        return File.ReadAllBytes(image);
    }

    private static void AssertRefused(TemporaryDirectory folder, byte[] image, string errorId)
    {
        string path = folder.File("shared");
        File.WriteAllBytes(path, image);
        var error = Assert.Throws<V2VException>(() =>
        {
            using BlockDevice disk = DiskImage.Open(path);
            Assert.NotEmpty(disk.GetExtents(0, disk.Length).ToList());
        });
        Assert.Equal(errorId, error.ErrorId);
    }
}
