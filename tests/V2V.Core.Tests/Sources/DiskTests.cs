using System.Globalization;
using System.IO.Compression;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>Disks of machines as qemu-img makes and judges them: alone, in an OVA, compressed, in pieces, in chains.</summary>
public sealed class DiskTests : IDisposable
{
    private const int Size = 4 << 20;

    private readonly TemporaryDirectory _directory = new();
    private readonly OvaBuilder _ova = new() { Disks = $"""<Disk ovf:capacity="{Size}" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>""" };
    private readonly byte[] _content = OvaBuilder.Bytes(Size, 11);

    public DiskTests()
    {
        _content.AsSpan(1 << 20, 2 << 20).Clear();
        File.WriteAllBytes(_directory.File("raw"), _content);
        _ova.Content.Clear();
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("vmdk", "subformat=monolithicSparse", "vmdk")]
    [InlineData("vmdk", "subformat=streamOptimized", "vmdk")]
    [InlineData("vmdk", "subformat=monolithicFlat", "vmdk")]
    [InlineData("vmdk", "subformat=twoGbMaxExtentSparse", "vmdk")]
    [InlineData("qcow2", "compat=1.1", "qcow2")]
    [InlineData("raw", "", "raw")]
    public void A_plain_disk_is_a_machine(string format, string options, string expected)
    {
        string path = Convert(format, options, "my disk." + format);
        V2VSource source = SourceImporter.ImportDisks([path, path], new SourceOptions { MemoryBytes = 3 << 20, ProcessorCount = 3 });
        Assert.Equal(("my disk", 3 << 20, 3, FirmwareType.Unknown, "unknown"), (source.Name, source.MemoryBytes, source.ProcessorCount, source.Firmware, source.Hypervisor));
        Assert.Equal([0, 1], source.Disks.Select(d => d.Index));
        Assert.Equal((expected, (long)Size), (source.Disks[0].Format, source.Disks[0].VirtualSize));
        AssertContent(source);
        V2VSource plain = SourceImporter.ImportDisks([path]);
        Assert.Equal((2L << 30, 1), (plain.MemoryBytes, plain.ProcessorCount));
        Assert.Equal(new SourceNic(null, null, "default", NetworkType.Network), Assert.Single(plain.Nics));
        Assert.Equal("called", SourceImporter.ImportDisks([path], new SourceOptions { Name = "called" }).Name);
    }

    [Theory]
    [InlineData("subformat=streamOptimized")]
    [InlineData("subformat=monolithicSparse")]
    [InlineData("subformat=monolithicFlat")]
    public void A_disk_in_an_ova_is_what_qemu_made(string options)
    {
        string path = Convert("vmdk", options, "disk1.vmdk");
        foreach (string file in Directory.GetFiles(_directory.Path, "disk1*"))
        {
            _ova.Content[Path.GetFileName(file)] = File.ReadAllBytes(file);
        }

        V2VSource source = Import(_ova.WriteTar(_directory.File("x.ova")));
        Assert.Equal(("vmdk", (long)Size), (source.Disks[0].Format, source.Disks[0].VirtualSize));
        Assert.Empty(source.Warnings);
        AssertContent(source);
        AssertContent(Import(_ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName)));
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void qemu_reads_a_disk_in_a_tar_at_the_same_place()
    {
        _ova.Content["disk1.vmdk"] = File.ReadAllBytes(Convert("vmdk", "subformat=streamOptimized", "disk1.vmdk"));
        SourceDisk disk = Import(_ova.WriteTar(_directory.File("x.ova"))).Disks[0];
        string file = "{\"driver\":\"file\",\"filename\":\"" + disk.Path + "\"}";
        string window = string.Create(CultureInfo.InvariantCulture, $"\"driver\":\"raw\",\"offset\":{disk.Offset},\"size\":{disk.StoredSize}");
        string json = "json:{\"driver\":\"vmdk\",\"file\":{" + window + ",\"file\":" + file + "}}";
        Assert.Contains("identical", Tool.Run("qemu-img", "compare", "-F", "raw", json, _directory.File("raw")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ovf:compression=\"gzip\"", false)]
    [InlineData("", true)]
    [InlineData("ovf:compression=\"identity\"", true)]
    public void A_gzip_disk_is_unpacked_once(string compression, bool isOdd)
    {
        _ova.Files = $"<File ovf:href=\"disk1.vmdk\" ovf:id=\"file1\" {compression}/>";
        _ova.Content["disk1.vmdk"] = Gzip(File.ReadAllBytes(Convert("vmdk", "subformat=monolithicSparse", "disk1.vmdk")));
        _ova.WithManifest();
        V2VSource source = Import(_ova.WriteTar(_directory.File("x.ova")));
        Assert.Equal(isOdd ? 1 : 0, source.Warnings.Count);
        AssertContent(source);
        WorkArea.Delete(source.StagingDirectory!);
    }

    [Fact]
    public void A_disk_that_only_says_gzip_is_read_as_it_is()
    {
        _ova.Files = """<File ovf:href="disk1.vmdk" ovf:id="file1" ovf:compression="gzip"/>""";
        _ova.Content["disk1.vmdk"] = _content;
        V2VSource source = Import(_ova.WriteTar(_directory.File("x.ova")));
        Assert.Single(source.Warnings);
        Assert.Null(source.StagingDirectory);
        AssertContent(source);
    }

    [Fact]
    public void Another_compression_is_refused()
    {
        _ova.Files = """<File ovf:href="disk1.vmdk" ovf:id="file1" ovf:compression="rar"/>""";
        _ova.Content["disk1.vmdk"] = _content;
        Assert.Equal("OvfCompressionUnsupported", Assert.Throws<V2VException>(() => Import(_ova.WriteTar(_directory.File("x.ova")))).ErrorId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_disk_in_pieces_is_put_together(bool isCompressed)
    {
        byte[] stored = isCompressed ? Gzip(_content) : _content;
        const int Chunk = 1_000_000;
        _ova.Files = $"<File ovf:href=\"disk1.vmdk\" ovf:id=\"file1\" ovf:size=\"{stored.Length}\" ovf:chunkSize=\"{Chunk}\" {(isCompressed ? "ovf:compression=\"gzip\"" : "")}/>";
        for (int i = 0; i * Chunk < stored.Length; i++)
        {
            _ova.Content[string.Create(CultureInfo.InvariantCulture, $"disk1.vmdk.{i:D9}")] = stored[(i * Chunk)..Math.Min((i + 1) * Chunk, stored.Length)];
        }

        V2VSource source = Import(_ova.WithManifest().WriteTar(_directory.File("x.ova")));
        Assert.Empty(source.Warnings);
        AssertContent(source);
        WorkArea.Delete(source.StagingDirectory!);

        _ova.Manifest = null;
        byte[] second = _ova.Content["disk1.vmdk.000000001"];
        _ova.Content["disk1.vmdk.000000001"] = second[..^1];
        Assert.Equal("OvaChunkInvalid", Assert.Throws<V2VException>(() => Import(_ova.WriteTar(_directory.File("x.ova")))).ErrorId);
        _ova.Content.Remove("disk1.vmdk.000000001");
        Assert.Equal("OvaChunkMissing", Assert.Throws<V2VException>(() => Import(_ova.WriteTar(_directory.File("x.ova")))).ErrorId);
    }

    [Fact]
    public void Parents_are_found_by_the_OVF_where_the_image_names_an_old_path()
    {
        string parent = Convert("vmdk", "subformat=monolithicSparse", "parent.vmdk");
        string child = _directory.File("child.vmdk");
        Tool.Run("qemu-img", "create", "-q", "-f", "vmdk", "-b", parent, "-F", "vmdk", child);
        Tool.Require("qemu-io");
        Tool.Run("qemu-io", "-c", "write -P 0x5a 1M 64k", child);
        _content.AsSpan(1 << 20, 64 << 10).Fill(0x5a);
        _ova.Files = """<File ovf:href="renamed.vmdk" ovf:id="file0"/><File ovf:href="delta.vmdk" ovf:id="file1"/>""";
        _ova.Disks = $"""<Disk ovf:capacity="{Size}" ovf:diskId="base" ovf:fileRef="file0"/><Disk ovf:capacity="{Size}" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:parentRef="base"/>""";
        _ova.Content["renamed.vmdk"] = File.ReadAllBytes(parent);
        _ova.Content["delta.vmdk"] = File.ReadAllBytes(child);
        File.Delete(parent);
        AssertContent(Import(_ova.WriteTar(_directory.File("x.ova"))));
        AssertContent(Import(_ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName)));
    }

    [Fact]
    public void A_chain_of_plain_disks_is_followed_and_its_parents_may_not_change()
    {
        string parent = Convert("qcow2", "compat=1.1", "parent.qcow2");
        string child = _directory.File("child.qcow2");
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", "-b", parent, "-F", "qcow2", child);
        V2VSource source = SourceImporter.ImportDisks([child]);
        Assert.Equal([parent], source.Disks[0].ReferencedFiles.Keys);
        AssertContent(source);
        File.SetLastWriteTimeUtc(parent, DateTime.UtcNow.AddMinutes(5));
        Assert.Equal("SourceChanged", Assert.Throws<V2VException>(() => source.Disks[0].Open()).ErrorId);
    }

    [Fact]
    public void A_blank_disk_reads_as_zero()
    {
        _ova.Disks = """<Disk ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1"/>""";
        SourceDisk disk = Import(_ova.WriteTar(_directory.File("x.ova"))).Disks[0];
        Assert.Equal((SourceDisk.BlankFormat, 1L << 30, ""), (disk.Format, disk.VirtualSize, disk.Path));
        using BlockDevice device = disk.Open();
        Assert.Equal([new BlockExtent(0, 1L << 30, BlockExtentKind.Absent)], device.GetExtents(0, device.Length));
    }

    [Fact]
    public void A_compressed_plain_disk_is_unpacked()
    {
        string path = _directory.File("guest.img.gz");
        File.WriteAllBytes(path, Gzip(_content));
        V2VSource source = SourceImporter.ImportDisks([path]);
        AssertContent(source);
        Assert.Equal("guest.img.gz", source.Name);
        WorkArea.Delete(source.StagingDirectory!);
    }

    [Fact]
    public void What_is_no_disk_is_named()
    {
        _ova.Content["disk1.vmdk"] = _content;
        string ova = _ova.WriteTar(_directory.File("x.ova"));
        Assert.Equal("SourceDiskIsArchive", Assert.Throws<V2VException>(() => SourceImporter.ImportDisks([ova])).ErrorId);
        Assert.Equal("SourceDiskIsFolder", Assert.Throws<V2VException>(() => SourceImporter.ImportDisks([_directory.Path])).ErrorId);
        Assert.Equal("SourceDiskMissing", Assert.Throws<V2VException>(() => SourceImporter.ImportDisks([])).ErrorId);
        Assert.Equal("HostFileNotFound", Assert.Throws<V2VException>(() => SourceImporter.ImportDisks([_directory.File("nothing")])).ErrorId);
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return memory.ToArray();
    }

    private static V2VSource Import(string path) => Assert.Single(SourceImporter.ImportOva(path));

    private void AssertContent(V2VSource source)
    {
        using BlockDevice disk = source.Disks[0].Open();
        Assert.Equal(Size, disk.Length);
        var bytes = new byte[Size];
        disk.Read(0, bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(_content));
    }

    private string Convert(string format, string options, string name)
    {
        string path = _directory.File(name);
        Tool.Require("qemu-img");
        Tool.Run("qemu-img", ["convert", "-q", "-f", "raw", "-O", format, .. options.Length == 0 ? Array.Empty<string>() : ["-o", options], _directory.File("raw"), path]);
        return path;
    }
}
