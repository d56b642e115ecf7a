using System.Buffers.Binary;
using System.Security.Cryptography;
using V2V.Storage.Partitions;
using V2V.Storage.Qcow2;
using V2V.Storage.Volumes;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>Volumes that others made, with the contents that others expect of them.</summary>
public class VolumeCorpusTests
{
    [Fact]
    public void LinearVolumeOfDissect()
    {
        using var folder = new TemporaryDirectory();
        AssembledVolume volume = Assert.Single(Assemble(Unpack("lvm-md/dissect/lvm.bin.gz", folder)).Volumes);
        Assert.Equal(("vg_test/lv_test", 4 << 20), (volume.Name, volume.Device.Length));
        Assert.Contains("mapper/vg_test-lv_test", volume.Aliases);
        Assert.Equal("TnYdWo-zRE9-wf2T-5nt0-M1aD-vtoP-fASCxK", volume.Uuid);
        var data = new byte[2048];
        volume.Device.Read(0, data);
        for (int i = 0; i < 1024; i += 4)
        {
            Assert.Equal(0xDEADBEEF, BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(i)));
        }

        Assert.False(data.AsSpan(1024).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void ThinVolumesOfDissect()
    {
        using var folder = new TemporaryDirectory();
        AssembledVolumes volumes = Assemble(Unpack("lvm-md/dissect/lvm-thin.bin.gz", folder));
        Assert.Empty(volumes.Problems);
        AssembledVolume[] thin = [.. volumes.Volumes.Where(v => v.Name.Contains("/lv-", StringComparison.Ordinal))];
        Assert.Equal(2, thin.Length);
        foreach (AssembledVolume volume in thin)
        {
            // Each of the first 4096 sectors repeats the low byte of its number; the rest was never written.
            var data = new byte[4 << 20];
            Assert.Equal(data.Length, volume.Device.Length);
            volume.Device.Read(0, data);
            for (int sector = 0; sector < 8192; sector++)
            {
                Assert.False(data.AsSpan(sector * 512, 512).ContainsAnyExcept((byte)(sector < 4096 ? sector : 0)), $"{volume.Name}, sector {sector}");
            }

            Assert.Contains(volume.Device.GetExtents(0, data.Length), e => e is { Kind: BlockExtentKind.Absent, Offset: 2 << 20, Length: 2 << 20 });
        }
    }

    [Fact]
    public void VolumeOfDfvfs()
    {
        using Qcow2Image image = Qcow2Image.Open(Corpus.Require("lvm-md/dfvfs/lvm.qcow2"));
        List<VolumeSource> sources = PartitionTable.Read(image) is { Partitions.Count: > 0 } table
            ? [.. table.Partitions.Select(p => new VolumeSource(p.PartUuid, p.Open(image)))]
            : [new VolumeSource("sda", image)];
        using AssembledVolumes volumes = VolumeAssembler.Assemble(sources);
        AssembledVolume volume = volumes.Volumes.First(v => v.Name == "test_volume_group/test_logical_volume1" || v.Name == "test_volume_group/test_logical_volume");
        var content = new byte[volume.Device.Length];
        volume.Device.Read(0, content);
        Assert.Equal("c99d6a59786b5b4fc3b3bde4a769f9c622da883460f1df54f1157d0c7af94209", Convert.ToHexStringLower(SHA256.HashData(content)));
    }

    private static AssembledVolumes Assemble(string path) => VolumeAssembler.Assemble([new VolumeSource("sda", FileDevice.Open(path))]);

    private static string Unpack(string file, TemporaryDirectory folder)
    {
        Tool.Run("sh", "-c", $"gzip -dc '{Corpus.Require(file)}' > '{folder.File("image")}'");
        return folder.File("image");
    }
}
