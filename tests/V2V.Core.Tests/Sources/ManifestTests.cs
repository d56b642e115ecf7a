using System.Security.Cryptography;
using System.Text;
using V2V.Core.Sources;
using V2V.Core.Sources.Manifests;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

public sealed class ManifestTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly OvaBuilder _ova = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("SHA256({0})= {1}")]
    [InlineData("SHA256({0})={1}")]
    [InlineData("SHA256 ({0}) = {1}")]
    [InlineData("sha256( {0} )=  {1}")]
    [InlineData("SHA-256({0})= {1}\r")]
    [InlineData("SHA2-256({0})= {1}")]
    [InlineData("\uFEFFSHA256({0})\t=\t{1}   ")]
    [InlineData("{1}  {0}")]
    [InlineData("{1} *{0}")]
    [InlineData("SHA256(./{0})= {1}")]
    public void Every_spelling_is_checked(string line)
    {
        string digest = Convert.ToHexStringLower(SHA256.HashData(_ova.Content["disk1.vmdk"]));
        foreach (string right in (string[])[digest, digest.ToUpperInvariant()])
        {
            _ova.Manifest = string.Format(System.Globalization.CultureInfo.InvariantCulture, line, "disk1.vmdk", right) + "\n\n";
            Assert.Empty(Import().Warnings);
        }

        _ova.Manifest = string.Format(System.Globalization.CultureInfo.InvariantCulture, line, "disk1.vmdk", (digest[0] == '0' ? "1" : "0") + digest[1..]);
        AssertMismatch();
    }

    [Theory]
    [InlineData("SHA1")]
    [InlineData("SHA256")]
    [InlineData("SHA512")]
    public void Every_algorithm_is_checked_on_every_file(string algorithm)
    {
        _ova.Content["other.iso"] = OvaBuilder.Bytes(5_000_000, 3);
        _ova.WithManifest(algorithm);
        Assert.Empty(Import().Warnings);
        ManifestReport report = SourceImporter.VerifyManifest(_directory.File("x.ova"));
        Assert.Equal(3, report.FileCount);
        foreach (string name in (string[])["disk1.vmdk", "other.iso"])
        {
            _ova.Content[name][^1] ^= 1;
            AssertMismatch();
            Assert.Equal("ManifestDigestMismatch", Assert.Throws<V2VException>(() => SourceImporter.VerifyManifest(_directory.File("x.ova"))).ErrorId);
            Import(new SourceOptions { SkipManifest = true });
            _ova.Content[name][^1] ^= 1;
        }

        _ova.System = "<!-- changed -->";
        AssertMismatch();
    }

    [Fact]
    public void What_is_not_understood_is_quoted_and_what_is_missing_is_named()
    {
        _ova.Manifest = "this is rubbish\nSHA256(missing.vmdk)= " + new string('0', 64) + "\nSHA256(../../etc/passwd)= " + new string('0', 64) + "\nMD5(disk1.vmdk)= " + new string('0', 32) + "\n";
        IReadOnlyList<string> warnings = Import().Warnings;
        Assert.Equal(4, warnings.Count);
        Assert.Contains(warnings, w => w.Contains("this is rubbish", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("missing.vmdk", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("../../etc/passwd", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("MD5", StringComparison.Ordinal));
    }

    [Fact]
    public void A_digest_of_the_wrong_length_does_not_pass()
    {
        _ova.Manifest = "SHA256(disk1.vmdk)= 00\n";
        AssertMismatch();
        _ova.Manifest = "SHA1(disk1.vmdk)= " + Convert.ToHexStringLower(SHA256.HashData(_ova.Content["disk1.vmdk"])) + "\n";
        AssertMismatch();
    }

    [Fact]
    public void Several_manifests_are_all_checked_and_stand_for_their_folders()
    {
        _ova.Content["disk1.mf"] = Encoding.UTF8.GetBytes("SHA1(disk1.vmdk)= " + Convert.ToHexStringLower(SHA1.HashData(_ova.Content["disk1.vmdk"])));
        _ova.Content["sub/other.mf"] = Encoding.UTF8.GetBytes("SHA256(x)= " + Convert.ToHexStringLower(SHA256.HashData("x"u8)));
        _ova.Content["sub/x"] = [(byte)'x'];
        Assert.Empty(Import().Warnings);
        _ova.Content["sub/x"] = [(byte)'y'];
        AssertMismatch();
    }

    [Fact]
    public void OpenSSL_and_coreutils_write_what_is_read()
    {
        Tool.Require("openssl", "sha256sum", "sh");
        string folder = _ova.WriteFolder(Directory.CreateDirectory(_directory.File("in")).FullName);
        foreach (string command in (string[])["openssl sha1 *.vmdk *.ovf", "openssl sha256 *.vmdk *.ovf", "openssl dgst -sha512 *.vmdk *.ovf", "sha256sum *.vmdk *.ovf", "sha512sum --tag *.vmdk *.ovf", "sha1sum -b *.vmdk *.ovf"])
        {
            Tool.Run("sh", "-c", $"cd '{folder}' && {command} > guest.mf");
            Assert.Empty(Assert.Single(SourceImporter.ImportOva(folder)).Warnings);
            Assert.Equal(2, SourceImporter.VerifyManifest(folder).FileCount);
        }

        File.WriteAllBytes(Path.Combine(folder, "disk1.vmdk"), OvaBuilder.Bytes(10240, 2));
        Assert.Equal("ManifestDigestMismatch", Assert.Throws<V2VException>(() => SourceImporter.ImportOva(folder)).ErrorId);
    }

    [Fact]
    public void Cisco_s_machine_is_whole()
    {
        string folder = Directory.CreateDirectory(_directory.File("cot")).FullName;
        foreach (string file in (string[])["ovf/cot/input.ovf", "ovf/cot/input.mf", "disk-vmdk/cot/input.vmdk", "iso-udf/cot/input.iso"])
        {
            File.Copy(Corpus.Require(file), Path.Combine(folder, Path.GetFileName(file)));
        }

        V2VSource source = Assert.Single(SourceImporter.ImportOva(folder));
        Assert.Equal(3, SourceImporter.VerifyManifest(folder).FileCount);
        SourceDisk disk = Assert.Single(source.Disks);
        Assert.Equal(("vmdk", 1L << 30, DiskController.Scsi), (disk.Format, disk.VirtualSize, disk.Controller));
        using BlockDevice device = disk.Open();
        Assert.Equal(1L << 30, device.Length);
    }

    [Fact]
    public void Progress_and_cancellation()
    {
        _ova.Content["large.iso"] = new byte[40 << 20];
        _ova.WithManifest();
        string path = _ova.WriteTar(_directory.File("x.ova"));
        var observer = new RecordingObserver();
        SourceImporter.ImportOva(path, new SourceOptions { Observer = observer });
        OperationProgress last = observer.Reports[^1];
        Assert.True(last.IsCompleted);
        Assert.Equal(last.TotalBytes, last.DoneBytes);
        Assert.True(last.TotalBytes > 40 << 20);

        observer.Source.Cancel();
        Assert.Throws<OperationCanceledException>(() => SourceImporter.ImportOva(path, new SourceOptions { Observer = observer }));
    }

    [Fact]
    public void Thousands_of_bad_lines_give_few_warnings()
    {
        var warnings = new List<string>();
        Assert.Empty(ManifestReader.Read(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("rubbish\n", 5000))), "x.mf", warnings));
        Assert.Equal(21, warnings.Count);
    }

    private V2VSource Import(SourceOptions? options = null)
    {
        File.Delete(_directory.File("x.ova"));
        return Assert.Single(SourceImporter.ImportOva(_ova.WriteTar(_directory.File("x.ova")), options));
    }

    private void AssertMismatch() => Assert.Equal("ManifestDigestMismatch", Assert.Throws<V2VException>(() => Import()).ErrorId);
}
