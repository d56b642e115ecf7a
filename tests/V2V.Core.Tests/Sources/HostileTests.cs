using System.IO.Compression;
using System.Text;
using V2V.Core.Sources;
using V2V.Core.Sources.Containers;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>Input that was damaged or made to do harm: a named error, and nothing left behind.</summary>
public sealed class HostileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly OvaBuilder _ova = new();

    public void Dispose()
    {
        string work = _directory.File("work");
        Assert.True(!Directory.Exists(work) || !Directory.EnumerateFileSystemEntries(work).Any(), "Something was left in the working directory.");
        _directory.Dispose();
    }

    [Theory]
    [InlineData("../disk1.vmdk")]
    [InlineData("a/../../disk1.vmdk")]
    [InlineData("..")]
    [InlineData("/etc/passwd")]
    [InlineData("//server/share/disk1.vmdk")]
    [InlineData("\\\\server\\share\\disk1.vmdk")]
    [InlineData("..\\disk1.vmdk")]
    [InlineData("sub\\disk1.vmdk")]
    [InlineData("C:disk1.vmdk")]
    [InlineData("C:/disk1.vmdk")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://example.org/disk1.vmdk")]
    [InlineData("%2e%2e/disk1.vmdk")]
    [InlineData("%2Fetc/passwd")]
    [InlineData("..%5Cdisk1.vmdk")]
    [InlineData("ovf:/disk1.vmdk")]
    [InlineData(".")]
    [InlineData("./")]
    public void A_reference_that_climbs_out_is_refused(string href)
    {
        _ova.Files = $"<File ovf:href=\"{href}\" ovf:id=\"file1\"/>";
        string folder = Directory.CreateDirectory(_directory.File("in")).FullName;
        File.WriteAllBytes(_directory.File("disk1.vmdk"), new byte[512]);
        _ova.WriteFolder(folder);
        AssertError(folder, "OvfHrefOutside");
        AssertError(Path.Combine(folder, "guest.ovf"), "OvfHrefOutside");
        AssertError(_ova.WriteTar(_directory.File("x.ova"), prefix: "in/"), "OvfHrefOutside");
    }

    [Fact]
    public void A_sibling_folder_with_the_same_beginning_is_outside()
    {
        string folder = Directory.CreateDirectory(_directory.File("p")).FullName;
        Directory.CreateDirectory(_directory.File("pevil"));
        File.WriteAllBytes(_directory.File("pevil/disk1.vmdk"), new byte[512]);
        _ova.Content.Clear();
        _ova.WriteFolder(folder);
        try
        {
            Directory.CreateSymbolicLink(Path.Combine(folder, "link"), _directory.File("pevil"));
            File.CreateSymbolicLink(Path.Combine(folder, "disk1.vmdk"), _directory.File("pevil/disk1.vmdk"));
        }
        catch (IOException) when (OperatingSystem.IsWindows())
        {
            Assert.Skip("links need a privilege");
        }

        AssertError(folder, "OvfHrefOutside");
        _ova.Files = """<File ovf:href="link/disk1.vmdk" ovf:id="file1"/>""";
        _ova.WriteFolder(folder);
        AssertError(folder, "OvfHrefOutside");
    }

    [Fact]
    public void A_link_within_the_folder_and_a_link_to_the_folder_are_fine()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege");
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("p")).FullName);
        File.Move(Path.Combine(folder, "disk1.vmdk"), Path.Combine(folder, "real.vmdk"));
        File.CreateSymbolicLink(Path.Combine(folder, "disk1.vmdk"), "real.vmdk");
        Directory.CreateSymbolicLink(_directory.File("link"), folder);
        File.CreateSymbolicLink(_directory.File("there.ovf"), Path.Combine(folder, "guest.ovf"));
        foreach (string path in (string[])[folder, _directory.File("link"), _directory.File("link/guest.ovf"), _directory.File("there.ovf")])
        {
            using BlockDevice disk = Assert.Single(SourceImporter.ImportOva(path)).Disks[0].Open();
            Assert.Equal(10240, disk.Length);
        }
    }

    [Fact]
    public void An_image_in_an_ova_cannot_reach_the_host()
    {
        string secret = _directory.File("secret");
        File.WriteAllBytes(secret, new byte[10240]);
        string descriptor = $"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 20 FLAT \"{secret}\" 0\n";
        _ova.Content["disk1.vmdk"] = Encoding.ASCII.GetBytes(descriptor);
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        Assert.ThrowsAny<V2VException>(() => SourceImporter.ImportOva(folder));
        Assert.ThrowsAny<V2VException>(() => SourceImporter.ImportOva(_ova.WriteTar(_directory.File("x.ova"))));
    }

    [Theory]
    [InlineData("<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>")]
    [InlineData("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">")]
    [InlineData("<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://example.org/x\"> %p;]>")]
    public void Document_types_are_refused(string type)
    {
        string ovf = _ova.Ovf.Replace("?>", "?>" + type, StringComparison.Ordinal);
        AssertError(_ova.WriteTar(_directory.File("x.ova"), ovf: ovf), "OvfXmlUnsafe");
    }

    [Fact]
    public void Depth_and_size_of_the_xml_are_bounded()
    {
        string deep = _ova.Ovf.Replace("<References>", string.Concat(Enumerable.Repeat("<a>", 100_000)) + string.Concat(Enumerable.Repeat("</a>", 100_000)) + "<References>", StringComparison.Ordinal);
        AssertError(_ova.WriteTar(_directory.File("deep.ova"), ovf: deep), "OvfXmlUnsafe");
        string wide = _ova.Ovf.Replace("<References>", string.Concat(Enumerable.Repeat("<a/>", 2_500_000)) + "<References>", StringComparison.Ordinal);
        AssertError(_ova.WriteTar(_directory.File("wide.ova"), ovf: wide), "OvfXmlUnsafe");
        string large = _ova.Ovf + new string(' ', 33 << 20);
        AssertError(_ova.WriteTar(_directory.File("large.ova"), ovf: large), "OvfXmlUnsafe");
    }

    [Theory]
    [InlineData("", "OvfXmlInvalid")]
    [InlineData("<a>", "OvfXmlInvalid")]
    [InlineData("<html/>", "OvfInvalid")]
    [InlineData("<?xml version=\"1.0\" encoding=\"klingon\"?><a/>", "OvfXmlInvalid")]
    public void What_is_no_ovf_is_named(string ovf, string errorId) => AssertError(_ova.WriteTar(_directory.File("x.ova"), ovf: ovf), errorId);

    [Fact]
    public void What_is_no_ova_is_named()
    {
        File.WriteAllBytes(_directory.File("empty.ova"), []);
        AssertError(_directory.File("empty.ova"), "OvaFormatUnsupported");
        File.WriteAllBytes(_directory.File("noise.ova"), OvaBuilder.Bytes(5000, 5));
        AssertError(_directory.File("noise.ova"), "OvaFormatUnsupported");
        AssertError(_directory.File("missing.ova"), "HostFileNotFound");
        using (var gzip = new GZipStream(File.Create(_directory.File("plain.gz")), CompressionLevel.Fastest))
        {
            gzip.Write(new byte[5000]);
        }

        AssertError(_directory.File("plain.gz"), "OvaFormatUnsupported");
        Directory.CreateDirectory(_directory.File("none"));
        AssertError(_directory.File("none"), "OvaNoDescriptor");
    }

    [Fact]
    public void A_missing_disk_is_named()
    {
        _ova.Content.Clear();
        AssertError(_ova.WriteTar(_directory.File("x.ova")), "OvaDiskMissing");
        AssertError(_ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName), "OvaDiskMissing");
    }

    [Fact]
    public void A_truncated_ova_is_named()
    {
        string path = _ova.WriteTar(_directory.File("x.ova"));
        using (FileStream file = File.OpenWrite(path))
        {
            file.SetLength(8000);
        }

        AssertError(path, "TarTruncated");
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    [InlineData("zstd")]
    public void Damaged_compression_is_named_and_nothing_stays(string program)
    {
        Tool.Require("sh", program);
        _ova.Content["disk1.vmdk"] = OvaBuilder.Bytes(3_000_000, 7);
        string tar = _ova.WriteTar(_directory.File("x.tar"));
        Tool.Run("sh", "-c", $"{program} -c '{tar}' > '{_directory.File("x.ova")}'");
        byte[] whole = File.ReadAllBytes(_directory.File("x.ova"));
        File.WriteAllBytes(_directory.File("cut.ova"), whole[..(whole.Length / 2)]);
        V2VException error = Assert.ThrowsAny<V2VException>(() => Import(_directory.File("cut.ova")));
        Assert.Contains(error.ErrorId, (string[])["CompressedDataInvalid", "TarTruncated"]);
    }

    [Fact]
    public void A_decompression_bomb_is_stopped()
    {
        _ova.Disks = """<Disk ovf:capacity="1048576" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>""";
        _ova.Files = """<File ovf:href="disk1.vmdk" ovf:id="file1" ovf:compression="gzip"/>""";
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            byte[] zeroes = new byte[1 << 20];
            for (int i = 0; i < 100; i++)
            {
                gzip.Write(zeroes);
            }
        }

        _ova.Content["disk1.vmdk"] = memory.ToArray();
        AssertError(_ova.WriteTar(_directory.File("x.ova")), "DecompressionLimit");

        // The same as a whole: within the first 256 MiB, but not with a stricter limit.
        var options = new SourceOptions { WorkingDirectory = _directory.File("work"), MaximumExpansion = 1 };
        var staging = new StagingArea(options);
        byte[] bomb = Bomb(300);
        File.WriteAllBytes(_directory.File("bomb"), bomb);
        V2VException error = Assert.Throws<V2VException>(() => staging.Unpack(
            () => Compressions.Open(File.OpenRead(_directory.File("bomb")), CompressionKind.Gzip), "bomb", bomb.Length, null, "x.ova"));
        Assert.Equal("DecompressionLimit", error.ErrorId);
        staging.Abandon();
    }

    [Fact]
    public void A_zip_that_lies_about_lengths_is_named()
    {
        _ova.Content["disk1.vmdk"] = new byte[100_000];
        _ova.Disks = """<Disk ovf:capacity="100352" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>""";
        string path = _ova.WriteZip(_directory.File("x.zip"), CompressionLevel.Optimal);
        byte[] bytes = File.ReadAllBytes(path);
        int entry = bytes.AsSpan().LastIndexOf("disk1.vmdk"u8) - 46;
        foreach ((uint length, string errorId) in ((uint, string)[])[(50_000, "DecompressionLimit"), (200_000, "ZipInvalid"), (uint.MaxValue - 1, "ZipInvalid")])
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(entry + 24), length);
            File.WriteAllBytes(path, bytes);
            AssertError(path, errorId);
        }
    }

    [Fact]
    public void An_encrypted_zip_is_named()
    {
        Tool.Require("zip", "sh");
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        Tool.Run("sh", "-c", $"cd '{folder}' && zip -q -P secret '{_directory.File("x.zip")}' *");
        AssertError(_directory.File("x.zip"), "OvaMemberUnsupported");
    }

    [Fact]
    public void Sparse_and_linked_members_are_refused_by_name()
    {
        Tool.Require("tar", "sh");
        string folder = Directory.CreateDirectory(_directory.File("in")).FullName;
        _ova.Content.Clear();
        _ova.WriteFolder(folder);
        using (FileStream file = File.Create(Path.Combine(folder, "disk1.vmdk")))
        {
            file.SetLength(8 << 20);
            file.Position = 4 << 20;
            file.WriteByte(1);
        }

        foreach (string format in (string[])["gnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1", "posix --sparse-version=1.0"])
        {
            Tool.Run("sh", "-c", $"cd '{folder}' && tar -S --format={format} -cf '{_directory.File("x.ova")}' guest.ovf disk1.vmdk");
            AssertError(_directory.File("x.ova"), "OvaMemberUnsupported");
        }

        Tool.Run("sh", "-c", $"cd '{folder}' && rm disk1.vmdk && ln -s /etc/passwd disk1.vmdk && tar -cf '{_directory.File("x.ova")}' guest.ovf disk1.vmdk");
        AssertError(_directory.File("x.ova"), "OvaMemberUnsupported");
    }

    [Fact]
    public void A_source_that_changes_is_noticed()
    {
        string path = _ova.WriteTar(_directory.File("x.ova"));
        V2VSource source = Assert.Single(SourceImporter.ImportOva(path));
        source.Disks[0].Open().Dispose();
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(5));
        Assert.Equal("SourceChanged", Assert.Throws<V2VException>(() => source.Disks[0].Open()).ErrorId);
        File.Delete(path);
        Assert.Equal("SourceChanged", Assert.Throws<V2VException>(() => source.Disks[0].Open()).ErrorId);
    }

    [Fact]
    public void Several_ovfs_are_refused_unless_a_name_tells()
    {
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        var other = new OvaBuilder { Name = "other", OvfName = "other.ovf" }.WithManifest();
        other.WriteFolder(folder);
        AssertError(folder, "OvaSeveralDescriptors");
        Assert.Equal("other", Assert.Single(SourceImporter.ImportOva(folder, new SourceOptions { Names = ["oth*"] })).Name);
        Assert.Equal("guest", Assert.Single(SourceImporter.ImportOva(Path.Combine(folder, "guest.ovf"))).Name);
        V2VException error = Assert.Throws<V2VException>(() => SourceImporter.ImportOva(folder, new SourceOptions { Names = ["third"] }));
        Assert.Equal("SourceNameNotFound", error.ErrorId);
        Assert.Contains("other", error.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_choose_among_the_machines_of_a_collection()
    {
        string ovf = _ova.Envelope($"<VirtualSystemCollection ovf:id=\"c\"><Info>x</Info>{_ova.VirtualSystem("web-1")}{_ova.VirtualSystem("web-2")}{_ova.VirtualSystem("db")}</VirtualSystemCollection>");
        string path = _ova.WriteTar(_directory.File("x.ova"), ovf: ovf);
        Assert.Equal(["web-1", "web-2", "db"], SourceImporter.ImportOva(path).Select(s => s.Name));
        Assert.Equal(["web-1", "web-2"], SourceImporter.ImportOva(path, new SourceOptions { Names = ["WEB-?"] }).Select(s => s.Name));
    }

    [Fact]
    public void Other_case_is_taken_with_a_warning()
    {
        _ova.Content["DISK1.VMDK"] = _ova.Content["disk1.vmdk"];
        _ova.Content.Remove("disk1.vmdk");
        V2VSource source = Assert.Single(SourceImporter.ImportOva(_ova.WriteTar(_directory.File("x.ova"))));
        Assert.Contains("DISK1.VMDK", Assert.Single(source.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Import_reports_its_warnings()
    {
        _ova.Disks = """<Disk ovf:capacity="4096" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>""";
        var observer = new RecordingObserver();
        V2VSource source = Assert.Single(SourceImporter.ImportOva(_ova.WriteTar(_directory.File("x.ova")), new SourceOptions { Observer = observer }));
        Assert.Contains("4096", Assert.Single(source.Warnings), StringComparison.Ordinal);
        Assert.Single(observer.Warnings);
        Assert.Equal(10240, source.Disks[0].VirtualSize);
    }

    [Fact]
    public void Staging_checks_cancellation_and_leaves_nothing()
    {
        string path = _directory.File("x.ova");
        using (var stream = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        {
            _ova.WriteTar(stream);
        }

        var observer = new RecordingObserver();
        observer.Source.Cancel();
        Assert.Throws<OperationCanceledException>(() => SourceImporter.ImportOva(path, new SourceOptions { Observer = observer, WorkingDirectory = _directory.File("work") }));
    }

    private static byte[] Bomb(int mebibytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            byte[] zeroes = new byte[1 << 20];
            for (int i = 0; i < mebibytes; i++)
            {
                gzip.Write(zeroes);
            }
        }

        return memory.ToArray();
    }

    private IReadOnlyList<V2VSource> Import(string path) => SourceImporter.ImportOva(path, new SourceOptions { WorkingDirectory = _directory.File("work") });

    private void AssertError(string path, string errorId)
    {
        V2VException error = Assert.Throws<V2VException>(() => Import(path));
        Assert.Equal(errorId, error.ErrorId);
        Assert.False(string.IsNullOrEmpty(error.Target));
        Assert.False(string.IsNullOrEmpty(error.Advice));
    }
}
