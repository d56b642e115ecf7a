using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>
/// virt-v2v's own OVA cases: its OVFs are read from the corpus, packed as its scripts describe, and what comes out is compared with what
/// virt-v2v prints. The one difference: it gives a CD-ROM on the second IDE controller the slot of the first (0 instead of 2).
/// </summary>
public sealed class VirtV2VOvaTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("zip")]
    [InlineData("tar.gz")]
    [InlineData("tar.xz")]
    [InlineData("tar")]
    public void Formats(string format)
    {
        string folder = MakeFolder("formats", ("disk1.vmdk", new byte[10240]));
        WriteManifest(folder, "disk1.mf", "SHA1", "\r\n", "disk1.vmdk");
        AssertPrinted("formats", Pack(folder, format));
    }

    [Fact]
    public void Tar()
    {
        string folder = MakeFolder("tar", ("disk1.vmdk", new byte[10240]));
        WriteManifest(folder, "disk1.mf", "SHA1", "\r\n", "disk1.vmdk");
        AssertPrinted("tar", Pack(folder, "tar"));
        AssertPrinted("tar", folder);
    }

    [Fact]
    public void Gzip_disk()
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal))
        {
            gzip.Write(new byte[10240]);
        }

        string folder = MakeFolder("gz", ("disk1.vmdk.gz", memory.ToArray()));
        WriteManifest(folder, "disk1.mf", "SHA1", "\r\n", "disk1.vmdk.gz");
        V2VSource source = AssertPrinted("gz", Pack(folder, "tar"));
        Assert.Equal(10240, source.Disks[0].VirtualSize);
        WorkArea.Delete(source.StagingDirectory!);
    }

    [Fact]
    public void Two_disks_with_a_manifest_each()
    {
        string folder = MakeFolder("two-disks", ("disk1.vmdk", new byte[10240]), ("disk2.vmdk", new byte[102400]));
        WriteManifest(folder, "disk1.mf", "SHA1", "\r\n", "disk1.vmdk");
        WriteManifest(folder, "disk2.mf", "SHA1", "\r\n", "disk2.vmdk");
        V2VSource source = AssertPrinted("two-disks", Pack(folder, "tar"));
        Assert.Equal([10240, 102400], source.Disks.Select(d => d.VirtualSize));
    }

    [Fact]
    public void Subfolders()
    {
        string inner = Directory.CreateDirectory(_directory.File("top/subfolder")).FullName;
        File.Copy(Corpus.Require("ovf/virt-v2v/test-i-ova-subfolders.ovf"), Path.Combine(inner, "x.ovf"));
        File.WriteAllBytes(Path.Combine(inner, "disk1.vmdk"), new byte[10240]);
        WriteManifest(inner, "disk1.mf", "SHA1", "\n", "disk1.vmdk");
        AssertPrinted("subfolders", Pack(_directory.File("top"), "tar"));
        AssertPrinted("subfolders", _directory.File("top"));
    }

    [Fact]
    public void Snapshots()
    {
        string folder = MakeFolder("snapshots", [.. Enumerable.Range(0, 3).Select(i => ($"disk1.vmdk.00000000{i}", OvaBuilder.Bytes(10240, i)))]);
        WriteManifest(folder, "disk1.mf", "SHA1", "\r\n", "disk1.vmdk.000000000", "disk1.vmdk.000000001", "disk1.vmdk.000000002");
        File.AppendAllText(Path.Combine(folder, "disk1.mf"), "SHA1(disk1.vmdk)= " + new string('0', 40) + "\r\n");
        foreach (string path in (string[])[Pack(folder, "tar"), folder])
        {
            V2VSource source = AssertPrinted("snapshots", path);
            using BlockDevice disk = source.Disks[0].Open();
            var bytes = new byte[10240];
            disk.Read(0, bytes);
            Assert.Equal(OvaBuilder.Bytes(10240, 2), bytes);
        }
    }

    [Fact]
    public void Checksums()
    {
        string folder = MakeFolder("checksums", ("disk.vmdk", new byte[10240]));
        string ova = "";
        foreach (string algorithm in (string[])["SHA1", "SHA256"])
        {
            WriteManifest(folder, "x.mf", algorithm, "\n", "disk.vmdk");
            ova = Pack(folder, "tar");
            Assert.DoesNotContain(Assert.Single(SourceImporter.ImportOva(ova)).Warnings, w => w.Contains("manifest", StringComparison.Ordinal));
            File.WriteAllText(Path.Combine(folder, "x.mf"), $"{algorithm}(disk.vmdk)= {new string('0', algorithm == "SHA1" ? 40 : 64)}\n");
            Assert.Equal("ManifestDigestMismatch", Assert.Throws<V2VException>(() => SourceImporter.ImportOva(Pack(folder, "tar"))).ErrorId);
        }

        File.WriteAllText(Path.Combine(folder, "x.mf"), "gibberish in the manifest\n");
        Assert.Contains(Assert.Single(SourceImporter.ImportOva(Pack(folder, "tar"))).Warnings, w => w.Contains("gibberish in the manifest", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ovf_directory/CentOS-6.4-i386-Gnome.ovf", "CentOS-6.4-i386-Gnome", 512, 1, 1)]
    [InlineData("test2.ovf", "w2k3 32bit", 1024, 1, 1)]
    [InlineData("test_gzip.ovf", "test_gzip.ovf", 4096, 1, 1)]
    public void virt_manager_converted_the_same_machines(string file, string name, int mebibytes, int processors, int disks)
    {
        // libvirt's XML of the same files says the same numbers; it changes blanks in the name only.
        string ovf = Corpus.Require("ovf/virt-manager/ovf_input/" + file);
        Ovf.CheckMachine(ovf, name, (long)mebibytes << 20, processors, disks);
    }

    private static string Print(V2VSource source)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"    source name: {source.Name}\nhypervisor type: {source.Hypervisor}\n       VM genid: {source.GenerationId}\n");
        text.Append(CultureInfo.InvariantCulture, $"         memory: {source.MemoryBytes} (bytes)\n       nr vCPUs: {source.ProcessorCount}\n     CPU vendor: {source.CpuVendor}\n      CPU model: {source.CpuModel}\n");
        string topology = source.CpuTopology is { } t ? string.Create(CultureInfo.InvariantCulture, $"sockets: {t.Sockets} cores/socket: {t.Cores} threads/core: {t.Threads}") : "";
        text.Append(CultureInfo.InvariantCulture, $"   CPU topology: {topology}\n   CPU features: {string.Join(',', source.Features)}\n       firmware: {source.Firmware.ToString().ToLowerInvariant()}\n");
        text.Append(CultureInfo.InvariantCulture, $"UEFI secureboot: {(source.SecureBoot ? "true" : "false")}\n        display: {source.Display?.Type}\n          sound: {source.Sound}\ndisks:\n");
        foreach (SourceDisk disk in source.Disks)
        {
            text.Append(CultureInfo.InvariantCulture, $"\t{disk.Index} [{disk.Controller.ToString().ToLowerInvariant()}]\n");
        }

        text.Append("removable media:\n");
        foreach (SourceRemovable drive in source.Removables)
        {
            text.Append(CultureInfo.InvariantCulture, $"\t{(drive.Type == RemovableType.CdRom ? "CD-ROM" : "Floppy")} [{drive.Controller.ToString().ToLowerInvariant()}] in slot {drive.Slot % 2}\n");
        }

        text.Append("NICs:\n");
        foreach (SourceNic nic in source.Nics)
        {
            text.Append(CultureInfo.InvariantCulture, $"\t{nic.NetworkType} \"{nic.NetworkName}\"{(nic.MacAddress is null ? "" : " mac: " + nic.MacAddress)} [{nic.Model}]\n");
        }

        return text.ToString();
    }

    private static V2VSource AssertPrinted(string name, string path)
    {
        V2VSource source = Assert.Single(SourceImporter.ImportOva(path));
        string expected = File.ReadAllText(Corpus.Require($"ovf/virt-v2v/test-i-ova-{name}.expected"));
        expected = expected[expected.IndexOf("    source name:", StringComparison.Ordinal)..];
        Assert.Equal(Normalize(expected), Normalize(Print(source)));
        return source;
    }

    private static string[] Normalize(string text) => [.. text.Split('\n').Select(l => l.TrimEnd()).Where(l => l.Length > 0)];

    private static void WriteManifest(string folder, string name, string algorithm, string lineEnd, params string[] files)
    {
        var text = new StringBuilder();
        foreach (string file in files)
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(folder, file));
            byte[] digest = algorithm == "SHA1" ? SHA1.HashData(bytes) : SHA256.HashData(bytes);
            text.Append(CultureInfo.InvariantCulture, $"{algorithm}({file})= {Convert.ToHexStringLower(digest)}{lineEnd}");
        }

        File.WriteAllText(Path.Combine(folder, name), text.ToString());
    }

    private string MakeFolder(string name, params (string Name, byte[] Content)[] files)
    {
        string folder = Directory.CreateDirectory(_directory.File("folder")).FullName;
        File.Copy(Corpus.Require($"ovf/virt-v2v/test-i-ova-{name}.ovf"), Path.Combine(folder, "x.ovf"));
        foreach ((string file, byte[] content) in files)
        {
            File.WriteAllBytes(Path.Combine(folder, file), content);
        }

        return folder;
    }

    private string Pack(string folder, string format)
    {
        string path = _directory.File("x." + format);
        File.Delete(path);
        switch (format)
        {
            case "zip":
                ZipFile.CreateFromDirectory(folder, path);
                break;
            case "tar":
                TarFile.CreateFromDirectory(folder, path, includeBaseDirectory: false);
                break;
            default:
                Tool.Require("tar", "xz", "gzip");
                Tool.Run("tar", format == "tar.xz" ? "-cJf" : "-czf", path, "-C", folder, ".");
                break;
        }

        return path;
    }

    private static class Ovf
    {
        public static void CheckMachine(string ovf, string name, long memory, int processors, int disks)
        {
            Core.Sources.Ovf.OvfPackage package = Core.Sources.Ovf.OvfPackage.Parse(File.ReadAllBytes(ovf), ovf);
            Core.Sources.Ovf.OvfSystem system = Core.Sources.Ovf.OvfSystemReader.Read(package, Assert.Single(package.Systems), ovf, new SourceOptions());
            Assert.Equal((name, memory, processors, disks), (system.Name, system.Metadata.MemoryBytes, system.Metadata.ProcessorCount, system.Disks.Count));
        }
    }
}
