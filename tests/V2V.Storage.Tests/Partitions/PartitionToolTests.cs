using System.Text.Json;
using V2V.Storage.Partitions;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Partitions;

/// <summary>Tables made by sfdisk, sgdisk and parted; sfdisk says what is in them.</summary>
public class PartitionToolTests
{
    private const long DiskSize = 64L << 20;

    [Theory]
    [InlineData("label: dos\nlabel-id: 0x1234abcd\nsize=4M, type=83, bootable\nsize=8M, type=82\n")]
    [InlineData("label: dos\nsize=4M, type=7\nsize=4M, type=ef\nsize=4M, type=8e\nsize=4M, type=fd\n")]
    [InlineData("label: dos\nsize=4M, type=83\nstart=20480, size=40M, type=f\n7: start=22528, size=4M, type=83\nstart=34816, size=2M, type=82\nstart=45056, size=1M, type=7\n")]
    [InlineData("label: dos\nsize=40M, type=5\nsize=1M, type=83\nstart=4096, size=512K, type=83\n")]
    [InlineData("label: dos\n")]
    [InlineData("label: gpt\nsize=4M, type=U, name=\"EFI System Partition\"\nsize=1M, type=21686148-6449-6E6F-744E-656564454649\nsize=20M, type=L, name=\"wurzel äöü 根\"\n")]
    [InlineData("label: gpt\nlabel-id: DD27F98D-7519-4C9E-8041-F2BFA7B1EF61\n3: size=4M, type=L\n9: size=2M, type=S\n128: size=1M, type=L, attrs=LegacyBIOSBootable\n")]
    [InlineData("label: gpt\n")]
    public void ReadsWhatSfdiskWrote(string script)
    {
        Tool.Require("sfdisk");
        using var folder = new TemporaryDirectory();
        string disk = MakeDisk(folder);
        string scriptFile = folder.File("script");
        File.WriteAllText(scriptFile, script);
        Tool.Run("sh", "-c", $"sfdisk -q '{disk}' < '{scriptFile}'");
        AssertAsSfdiskSays(disk);
    }

    [Fact]
    public void ReadsWhatPartedWrote()
    {
        Tool.Require("sfdisk", "parted");
        using var folder = new TemporaryDirectory();
        string disk = MakeDisk(folder);
        Tool.Run("parted", "-s", disk, "mklabel", "msdos", "mkpart", "primary", "ext4", "1MiB", "10MiB", "mkpart", "extended", "10MiB", "60MiB", "mkpart", "logical", "ext4", "11MiB", "20MiB", "mkpart", "logical", "21MiB", "30MiB", "set", "1", "boot", "on");
        AssertAsSfdiskSays(disk);
        Tool.Run("parted", "-s", disk, "mklabel", "gpt", "mkpart", "esp", "fat32", "1MiB", "10MiB", "mkpart", "root", "ext4", "10MiB", "60MiB", "set", "1", "esp", "on");
        AssertAsSfdiskSays(disk);
    }

    [Fact]
    public void HybridIsReadAsGpt()
    {
        Tool.Require("sfdisk", "sgdisk");
        using var folder = new TemporaryDirectory();
        string disk = MakeDisk(folder);
        Tool.Run("sgdisk", "-n", "1:2048:+4M", "-n", "2:0:+8M", "-n", "3:0:+8M", "-h", "1:2", disk);
        using FileDevice device = FileDevice.Open(disk);
        PartitionTable table = PartitionTable.Read(device);
        Assert.Equal(PartitionScheme.Gpt, table.Scheme);
        Assert.True(table.IsHybrid);
        Assert.Equal([1, 2, 3], table.Partitions.Select(p => p.Number));
        Assert.Empty(table.Warnings);
    }

    [Theory]
    [InlineData(512 + 16)]
    [InlineData(512 + 60)]
    [InlineData(1024 + 40)]
    public void BackupReplacesABrokenPrimary(int brokenByte)
    {
        Tool.Require("sgdisk");
        using var folder = new TemporaryDirectory();
        string disk = MakeDisk(folder);
        Tool.Run("sgdisk", "-n", "1:2048:+4M", "-c", "1:first", "-n", "2:0:+8M", disk);
        byte[] bytes = File.ReadAllBytes(disk);
        PartitionTable whole = PartitionTable.Read(new MemoryDevice(bytes));
        Assert.Empty(whole.Warnings);
        bytes[brokenByte] ^= 1;
        PartitionTable table = PartitionTable.Read(new MemoryDevice(bytes));
        Assert.Equal(whole.Partitions, table.Partitions);
        Assert.Contains("backup", Assert.Single(table.Warnings), StringComparison.Ordinal);

        bytes[^(512 - 60)] ^= 1;
        Assert.Equal("GptDamaged", Assert.Throws<V2VException>(() => PartitionTable.Read(new MemoryDevice(bytes))).ErrorId);
    }

    [Fact]
    public void BrokenBackupIsReported()
    {
        Tool.Require("sgdisk");
        using var folder = new TemporaryDirectory();
        string disk = MakeDisk(folder);
        Tool.Run("sgdisk", "-n", "1:2048:+4M", disk);
        byte[] bytes = File.ReadAllBytes(disk);
        bytes[^(512 - 60)] ^= 1;
        PartitionTable table = PartitionTable.Read(new MemoryDevice(bytes));
        Assert.Single(table.Partitions);
        Assert.Contains("backup", Assert.Single(table.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mkfs.fat", "-F 12")]
    [InlineData("mkfs.fat", "-F 16")]
    [InlineData("mkfs.fat", "-F 32")]
    [InlineData("mkfs.ntfs", "-F -q -f")]
    [InlineData("mkfs.ext4", "-q -F")]
    [InlineData("mkfs.xfs", "-q -f")]
    public void VolumeOnTheWholeDiskHasNoPartitions(string program, string options)
    {
        Tool.Require(program);
        using var folder = new TemporaryDirectory();
        string disk = folder.File("volume.raw");
        FileDevice.Create(disk, options == "-F 12" ? 4L << 20 : 512L << 20).Dispose();
        Tool.Run(program, [.. options.Split(' '), disk]);
        using FileDevice device = FileDevice.Open(disk);
        PartitionTable table = PartitionTable.Read(device);
        Assert.Equal(PartitionScheme.None, table.Scheme);
        Assert.Empty(table.Partitions);
    }

    [Fact]
    public void PartitionsInsideAVolumesBootSectorCount()
    {
        Tool.Require("sfdisk", "mkfs.fat");
        using var folder = new TemporaryDirectory();
        string disk = MakeDisk(folder);
        Tool.Run("mkfs.fat", disk);
        Tool.Run("sh", "-c", $"printf 'label: dos\\nsize=4M, type=83\\n' | sfdisk -q -w never '{disk}'");
        using FileDevice device = FileDevice.Open(disk);
        Assert.Single(PartitionTable.Read(device).Partitions);
    }

    private static string MakeDisk(TemporaryDirectory folder)
    {
        string disk = folder.File("disk.raw");
        FileDevice.Create(disk, DiskSize, overwrite: true).Dispose();
        return disk;
    }

    private static void AssertAsSfdiskSays(string disk)
    {
        using JsonDocument document = JsonDocument.Parse(Tool.Run("sfdisk", "-J", disk));
        JsonElement expected = document.RootElement.GetProperty("partitiontable");
        using FileDevice device = FileDevice.Open(disk);
        PartitionTable table = PartitionTable.Read(device);
        Assert.Empty(table.Warnings);
        bool isGpt = expected.GetProperty("label").GetString() == "gpt";
        Assert.Equal(isGpt ? PartitionScheme.Gpt : PartitionScheme.Mbr, table.Scheme);
        string id = expected.GetProperty("id").GetString()!;
        Assert.Equal(id, isGpt ? table.DiskGuid.ToString() : $"0x{table.DiskSignature:x8}", ignoreCase: true);

        JsonElement[] partitions = expected.TryGetProperty("partitions", out JsonElement list) ? [.. list.EnumerateArray()] : [];
        Assert.Equal(partitions.Length, table.Partitions.Count);
        foreach ((JsonElement left, Partition right) in partitions.Zip(table.Partitions))
        {
            Assert.Equal(disk + right.Number, left.GetProperty("node").GetString());
            Assert.Equal(left.GetProperty("start").GetInt64() * 512, right.Offset);
            Assert.Equal(left.GetProperty("size").GetInt64() * 512, right.Length);
            string type = left.GetProperty("type").GetString()!;
            Assert.Equal(isGpt ? type : "0x" + type.PadLeft(2, '0'), right.Type, ignoreCase: true);
            if (isGpt)
            {
                Assert.Equal(left.GetProperty("uuid").GetString(), right.PartUuid, ignoreCase: true);
                Assert.Equal(left.TryGetProperty("name", out JsonElement name) ? name.GetString() : "", right.Name);
            }
            else
            {
                Assert.Equal($"{id[2..]}-{right.Number:x2}", right.PartUuid);
                Assert.Equal(left.TryGetProperty("bootable", out JsonElement flag) && flag.GetBoolean(), right.IsActive);
                Assert.Equal(type is "5" or "f", right.IsExtended);
            }
        }
    }
}
