using System.Buffers.Binary;
using V2V.Storage.Partitions;
using Xunit;

namespace V2V.Storage.Tests.Partitions;

/// <summary>Tables that no tool would write.</summary>
public class HostileTableTests
{
    [Fact]
    public void ChainOfLogicalPartitionsInACircleEnds()
    {
        var disk = new MemoryDevice(1 << 20);
        WriteEntry(disk, 0, 0, 0x0F, 100, 1000);
        WriteEntry(disk, 100, 0, 0x83, 1, 10);
        WriteEntry(disk, 100, 1, 0x05, 200, 20);
        WriteEntry(disk, 300, 0, 0x83, 1, 10);
        WriteEntry(disk, 300, 1, 0x05, 0, 20);
        PartitionTable table = PartitionTable.Read(disk);
        Assert.Equal([1, 5, 6], table.Partitions.Select(p => p.Number));
        Assert.Contains("circle", Assert.Single(table.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void PartitionsPastTheEndAreCutOrLeftOut()
    {
        var disk = new MemoryDevice(1 << 20);
        WriteEntry(disk, 0, 0, 0x83, 8, 0xFFFFFFFF);
        WriteEntry(disk, 0, 1, 0x83, 0xFFFFFFF0, 0xFFFFFFFF);
        PartitionTable table = PartitionTable.Read(disk);
        Partition partition = Assert.Single(table.Partitions);
        Assert.Equal(disk.Length - (8 * 512), partition.Length);
        Assert.Equal(2, table.Warnings.Count);
    }

    [Fact]
    public void MbrOf4096ByteSectorsCountsInThem()
    {
        var disk = new MemoryDevice(new byte[1 << 20], sectorSize: 4096);
        WriteEntry(disk, 0, 0, 0x83, 8, 16);
        Partition partition = Assert.Single(PartitionTable.Read(disk).Partitions);
        Assert.Equal((8 * 4096L, 16 * 4096L), (partition.Offset, partition.Length));
        Assert.Equal(16 * 4096L, partition.Open(disk).Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(1023)]
    public void TinyDisksHaveNoPartitions(int length) => Assert.Empty(PartitionTable.Read(new MemoryDevice(length)).Partitions);

    [Fact]
    public void RandomBytesNeverEscape()
    {
        var random = new Random(4);
        var bytes = new byte[64 << 10];
        for (int i = 0; i < 3000; i++)
        {
            random.NextBytes(bytes.AsSpan(0, 4096));
            bytes[510] = 0x55;
            bytes[511] = 0xAA;
            bytes[446] = bytes[462] = bytes[478] = bytes[494] = 0;
            bytes[450] = (byte)(i % 3 == 0 ? 0xEE : i % 3 == 1 ? 5 : 0x83);
            "EFI PART"u8.CopyTo(bytes.AsSpan(512));
            try
            {
                foreach (Partition partition in PartitionTable.Read(new MemoryDevice(bytes)).Partitions)
                {
                    Assert.InRange(partition.Offset, 0, bytes.Length);
                    Assert.InRange(partition.Length, 0, bytes.Length - partition.Offset);
                }
            }
            catch (V2VException e)
            {
                Assert.Equal("GptDamaged", e.ErrorId);
            }
        }
    }

    private static void WriteEntry(MemoryDevice disk, int sector, int index, byte type, uint first, uint count)
    {
        Span<byte> record = disk.Span[(sector * disk.SectorSize)..];
        record[510] = 0x55;
        record[511] = 0xAA;
        Span<byte> entry = record.Slice(446 + (16 * index), 16);
        entry[4] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], first);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], count);
    }
}
