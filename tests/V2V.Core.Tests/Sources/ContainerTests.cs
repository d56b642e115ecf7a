using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>Every container form gives the same machine, with the bytes of its disk.</summary>
public sealed class ContainerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly OvaBuilder _ova = new OvaBuilder().WithManifest();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.V7, "")]
    [InlineData(TarEntryFormat.Ustar, "")]
    [InlineData(TarEntryFormat.Ustar, "./")]
    [InlineData(TarEntryFormat.Gnu, "./")]
    [InlineData(TarEntryFormat.Pax, "")]
    [InlineData(TarEntryFormat.Pax, "folder/")]
    [InlineData(TarEntryFormat.Gnu, "a-folder-with-a-long-name-0123456789-0123456789-0123456789/and-another-0123456789-0123456789-0123456789/")]
    [InlineData(TarEntryFormat.Pax, "a-folder-with-a-long-name-0123456789-0123456789-0123456789/and-another-0123456789-0123456789-0123456789/")]
    [InlineData(TarEntryFormat.Ustar, "a-folder-with-a-long-name-0123456789-0123456789-0123456789/and-another-0123456789-0123456789-0123456789/")]
    public void A_tar_is_read_where_it_lies(TarEntryFormat format, string prefix)
    {
        string path = _ova.WriteTar(_directory.File("x.ova"), format, prefix);
        V2VSource source = AssertMachine(path);
        Assert.Null(source.StagingDirectory);
        Assert.Equal(path, source.Disks[0].Path);
        Assert.Equal(MemberOf(prefix), source.Disks[0].Member);
        Assert.Equal(0, source.Disks[0].Offset % 512);
    }

    [Theory]
    [InlineData("gzip", "-c")]
    [InlineData("xz", "-c")]
    [InlineData("xz", "-c -T2 --block-size=4096")]
    [InlineData("xz", "-c --check=sha256")]
    [InlineData("xz", "-c --check=none")]
    [InlineData("bzip2", "-c")]
    [InlineData("zstd", "-c -q")]
    public void A_compressed_tar_is_unpacked_once(string program, string arguments)
    {
        Tool.Require("sh", program);
        string tar = _ova.WriteTar(_directory.File("x.tar"));
        string path = _directory.File("x.ova");
        Tool.Run("sh", "-c", $"{program} {arguments} '{tar}' > '{path}'");
        V2VSource source = AssertMachine(path);
        AssertStaged(source);
    }

    [Fact]
    public void Gzip_by_the_platform_is_unpacked()
    {
        string path = _directory.File("x.ova");
        using (var stream = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        {
            _ova.WriteTar(stream);
        }

        AssertStaged(AssertMachine(path));
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression, "", false)]
    [InlineData(CompressionLevel.Fastest, "", true)]
    [InlineData(CompressionLevel.Fastest, "folder/", true)]
    public void A_zip_is_read(CompressionLevel level, string prefix, bool isStaged)
    {
        V2VSource source = AssertMachine(_ova.WriteZip(_directory.File("x.zip"), level, prefix));
        if (isStaged)
        {
            AssertStaged(source);
        }
        else if (source.StagingDirectory is not null)
        {
            // .NET deflates even then, in stored blocks.
            AssertStaged(source);
        }
    }

    [Theory]
    [InlineData("-0")]
    [InlineData("-9")]
    [InlineData("-0 -fz")]
    public void A_zip_by_Info_ZIP_is_read_in_place_where_it_is_stored(string arguments)
    {
        Tool.Require("zip", "sh");
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        Tool.Run("sh", "-c", $"cd '{folder}' && zip -q {arguments} '{_directory.File("x.zip")}' *");
        V2VSource source = AssertMachine(_directory.File("x.zip"));
        if (arguments.StartsWith("-0", StringComparison.Ordinal))
        {
            Assert.Null(source.StagingDirectory);
            Assert.Equal(_directory.File("x.zip"), source.Disks[0].Path);
        }
        else
        {
            // What does not shrink is stored even then: the OVF was unpacked, the disk is read where it lies.
            WorkArea.Delete(source.StagingDirectory!);
            AssertDisk(source);
        }
    }

    [Fact]
    public void A_folder_and_its_ovf_are_read()
    {
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        AssertMachine(folder);
        AssertMachine(folder + Path.DirectorySeparatorChar);
        AssertMachine(Path.Combine(folder, "guest.ovf"));
        File.Move(Path.Combine(folder, "guest.ovf"), Path.Combine(folder, "guest.OVF"));
        File.Delete(Path.Combine(folder, "guest.mf"));
        AssertMachine(folder);
        AssertMachine(Path.Combine(folder, "guest.OVF"));
    }

    [Theory]
    [InlineData("--format=gnu")]
    [InlineData("--format=pax")]
    [InlineData("--format=posix --pax-option=comment=x")]
    [InlineData("--format=ustar")]
    [InlineData("--format=v7")]
    [InlineData("--format=oldgnu")]
    public void A_tar_by_GNU_tar_is_read(string arguments)
    {
        Tool.Require("tar", "sh");
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        Tool.Run("sh", "-c", $"cd '{folder}' && tar {arguments} -cf '{_directory.File("x.ova")}' .");
        AssertMachine(_directory.File("x.ova"));
    }

    [Fact]
    public void What_macOS_adds_is_ignored_and_so_are_certificates()
    {
        _ova.Content["._guest.ovf"] = Encoding.UTF8.GetBytes("rubbish");
        _ova.Content["._guest.mf"] = Encoding.UTF8.GetBytes("rubbish");
        _ova.Content["guest.cert"] = Encoding.UTF8.GetBytes("rubbish");
        AssertMachine(_ova.WriteTar(_directory.File("x.ova")));
        AssertMachine(_ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName));
    }

    [Theory]
    [InlineData("gnu")]
    [InlineData("posix")]
    public void Members_over_8_GiB_are_found(string format)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sparse files");
        Tool.Require("tar", "sh");

        // GNU tar stores the holes as zeroes into a file; the stream is cut behind the large member's header and put together with a hole.
        const long Size = 9L << 30;
        string folder = Directory.CreateDirectory(_directory.File("in")).FullName;
        using (FileStream large = File.Create(Path.Combine(folder, "disk1.vmdk")))
        {
            large.SetLength(Size);
        }

        string head = _directory.File("head");
        Tool.TryRun("sh", "-c", $"cd '{folder}' && tar --format={format} -cf - disk1.vmdk | head -c 65536 > '{head}'");
        var device = new byte[65536];
        Assert.Equal(device.Length, File.OpenRead(head).ReadAtLeast(device, device.Length, false));
        int dataOffset = 512 * (Array.FindIndex(Enumerable.Range(0, 128).ToArray(), i => device.AsSpan(i * 512, 512).IndexOfAnyExcept((byte)0) < 0));
        OvaBuilder ova = new() { Disks = $"""<Disk ovf:capacity="{Size}" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>""" };
        string path = _directory.File("x.ova");
        using (FileStream stream = File.Create(path))
        {
            stream.Write(device.AsSpan(0, dataOffset));
            stream.Position = dataOffset + Size - 4;
            stream.Write("tail"u8);
            ova.Content.Clear();
            ova.WriteTar(stream);
        }

        V2VSource source = Assert.Single(SourceImporter.ImportOva(path));
        Assert.Equal(Size, source.Disks[0].VirtualSize);
        Assert.Equal(dataOffset, source.Disks[0].Offset);
        using BlockDevice disk = source.Disks[0].Open();
        Span<byte> tail = stackalloc byte[4];
        disk.Read(Size - 4, tail);
        Assert.Equal("tail"u8, tail);
    }

    [Fact]
    public void Several_machines_of_a_compressed_ova_share_what_was_unpacked()
    {
        string second = OvaBuilder.ScsiController + OvaBuilder.SmallDisk;
        string ovf = _ova.Envelope($"<VirtualSystemCollection ovf:id=\"c\"><Info>x</Info>{_ova.VirtualSystem("one", second)}<VirtualSystemCollection ovf:id=\"d\"><Info>x</Info>{_ova.VirtualSystem("two", second)}</VirtualSystemCollection></VirtualSystemCollection>");
        _ova.Manifest = null;
        string path = _directory.File("x.ova");
        using (var stream = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        {
            _ova.WriteTar(stream, ovf: ovf);
        }

        IReadOnlyList<V2VSource> sources = SourceImporter.ImportOva(path, new SourceOptions { WorkingDirectory = _directory.File("work") });
        Assert.Equal(["one", "two"], sources.Select(s => s.Name));
        Assert.NotEqual(sources[0].StagingDirectory, sources[1].StagingDirectory);
        WorkArea.Delete(sources[0].StagingDirectory!);
        AssertDisk(sources[1]);
        WorkArea.Delete(sources[1].StagingDirectory!);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.File("work")));
    }

    private static string MemberOf(string prefix) => (prefix == "./" ? "" : prefix) + "disk1.vmdk";

    private static V2VSource AssertMachine(string path)
    {
        V2VSource source = Assert.Single(SourceImporter.ImportOva(path));
        Assert.Equal("guest", source.Name);
        Assert.Equal(2, source.ProcessorCount);
        Assert.Empty(source.Warnings);
        AssertDisk(source);
        return source;
    }

    private static void AssertDisk(V2VSource source)
    {
        using BlockDevice disk = Assert.Single(source.Disks).Open();
        var bytes = new byte[disk.Length];
        disk.Read(0, bytes);
        Assert.Equal(OvaBuilder.Bytes(10240, 1), bytes);
    }

    private static void AssertStaged(V2VSource source)
    {
        Assert.NotNull(source.StagingDirectory);
        Assert.True(WorkArea.IsWorkArea(source.StagingDirectory));
        WorkArea.Delete(source.StagingDirectory);
        Assert.False(Directory.Exists(source.StagingDirectory));
        Assert.Equal("SourceChanged", Assert.Throws<V2VException>(() => source.Disks[0].Open()).ErrorId);
    }
}
