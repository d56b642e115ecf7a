using System.IO.Compression;
using V2V.Storage.Partitions;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Partitions;

/// <summary>Tables of real disks. Where only the head of a disk is at hand, the rest is taken to be zero. The corpus' notes give GPT sizes one sector short: the last LBA belongs to the partition.</summary>
public class PartitionCorpusTests
{
    [Fact]
    public void WindowsGpt()
    {
        PartitionTable table = PartitionTable.Read(Head("dissect/gpt.bin", 32L << 30));
        Assert.Equal(PartitionScheme.Gpt, table.Scheme);
        Assert.Equal(20480, table.Partitions[0].Offset);
        Assert.Equal(0xC800000, table.Partitions[0].Length);
        Assert.Equal("27d920bc-e414-45e0-9503-2606de7a1056", table.Partitions[0].PartUuid);
        Assert.Equal("EFI System Partition", table.Partitions[0].Name);
        Assert.True(table.Partitions[0].IsEfiSystem);
        Assert.Equal(0xC900000, table.Partitions[1].Offset);
        Assert.Equal(0x746600000, table.Partitions[1].Length);
        Assert.Equal(PartitionTypes.BasicData, table.Partitions[1].TypeGuid);
        Assert.Equal("", table.Partitions[1].Name);
        Assert.Contains("backup", table.Warnings[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void GptOf4096ByteSectors(int deviceSectorSize)
    {
        PartitionTable table = PartitionTable.Read(Head("dissect/gpt_4k.bin", 0x500000 + 0xB5A000 + (1 << 20), deviceSectorSize));
        Assert.Equal(PartitionScheme.Gpt, table.Scheme);
        Assert.Equal(4096, table.SectorSize);
        Assert.Equal([0x100000L, 0x300000, 0x500000], table.Partitions.Select(p => p.Offset));
        Assert.Equal([0x101000L, 0x101000, 0xB5B000], table.Partitions.Select(p => p.Length));
        Assert.Equal(["21b90a6e", "c6f4ad42", "b7230707"], table.Partitions.Select(p => p.PartUuid[..8]));
    }

    [Fact]
    public void HybridGpt()
    {
        PartitionTable table = PartitionTable.Read(Head("dissect/gpt_hybrid.bin", 16 << 20));
        Assert.Equal(PartitionScheme.Gpt, table.Scheme);
        Assert.True(table.IsHybrid);
        Assert.Equal([(0x100000L, 0x80200L), (0x4400, 0xFBC00), (0x180200, 0x7BC00)], table.Partitions.Select(p => (p.Offset, p.Length)));
    }

    [Fact]
    public void WindowsMbr()
    {
        PartitionTable table = PartitionTable.Read(Head("dissect/mbr.bin", 64L << 30));
        Assert.Equal([(0x100000L, 0x1F400000L), (0x1F500000, 0xEE0A00000)], table.Partitions.Select(p => (p.Offset, p.Length)));
        Assert.All(table.Partitions, p => Assert.Equal("0x07", p.Type));
    }

    [Fact]
    public void LogicalPartitions()
    {
        using FileDevice disk = FileDevice.Open(Corpus.Require("partitions/plaso/tsk_volume_system.raw"));
        Assert.Equal(
            [(1, 1L, 350L, false), (2, 351, 2529, true), (5, 352, 2528, false)],
            PartitionTable.Read(disk).Partitions.Select(p => (p.Number, p.Offset / 512, p.Length / 512, p.IsExtended)));
    }

    [Fact]
    public void LogicalPartitionsOfASmallDisk()
    {
        using var source = new GZipStream(File.OpenRead(Corpus.Require("partitions/dfvfs/mbr.raw.gz")), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        source.CopyTo(bytes);
        Assert.Equal(
            [(1, 1L, 129L), (2, 130, 8062), (5, 131, 129)],
            PartitionTable.Read(new MemoryDevice(bytes.ToArray())).Partitions.Select(p => (p.Number, p.Offset / 512, p.Length / 512)));
    }

    [Fact]
    public void BsdDisklabelIsNamed()
    {
        PartitionTable table = PartitionTable.Read(Head("dissect/bsd.bin", 64 << 20));
        Assert.Equal(PartitionScheme.None, table.Scheme);
        Assert.Contains("BSD", Assert.Single(table.Warnings), StringComparison.Ordinal);
    }

    private static CopyOnWriteDevice Head(string file, long length, int sectorSize = 512)
    {
        var disk = new CopyOnWriteDevice(new ZeroDevice(length, sectorSize));
        disk.Write(0, File.ReadAllBytes(Corpus.Require("partitions/" + file)));
        return disk;
    }
}
