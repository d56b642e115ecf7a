using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using V2V.Testing;
using Xunit;

namespace V2V.PowerShell.Tests;

/// <summary>
/// One run of <c>v2v</c> over a folder of broken machines and a good one: each broken one gives one error that says which it is and what to do,
/// the good one comes out, the files are as they were, and nothing else is left.
/// </summary>
public sealed class BadInputTests : IDisposable
{
    private const string Script = """
        $results = foreach ($file in [IO.Directory]::GetFiles($folder) | Sort-Object) {
            $Error.Clear()
            $name = [IO.Path]::GetFileName($file)
            $out = "$target/$name"
            $null = if ($name -like '*.ova') { Import-V2VSource -LiteralPath $file -ErrorAction SilentlyContinue | Convert-V2VGuest -ErrorAction SilentlyContinue | Export-V2VDisk -Local $out -ErrorAction SilentlyContinue }
                elseif ($name -like '*.base') { continue }
                else { Import-V2VSource -Disk $file -ErrorAction SilentlyContinue | Convert-V2VGuest -ErrorAction SilentlyContinue | Export-V2VDisk -Local $out -ErrorAction SilentlyContinue }
            [pscustomobject]@{
                Name = $name; Count = $Error.Count; Id = "$(if ($Error.Count) { $Error[0].FullyQualifiedErrorId.Split(',')[0] })"
                Target = "$(if ($Error.Count) { $Error[0].TargetObject })"; Advice = "$(if ($Error.Count) { $Error[0].ErrorDetails.RecommendedAction })"
            }
        }
        $Error.Clear()
        ConvertTo-Json @($results) -Compress
        """;

    private readonly TemporaryDirectory _directory = new();

    private readonly Dictionary<string, string> _expected = new(StringComparer.Ordinal) { ["good.ova"] = "" };

    private string Folder => _directory.File("in");

    public BadInputTests()
    {
        Directory.CreateDirectory(Folder);
        Directory.CreateDirectory(_directory.File("tmp"));
    }

    [Fact]
    public void EachBrokenMachineGivesItsOwnErrorAndTheOthersGoOn()
    {
        File.Copy(Repository.PhonyOva, Path.Combine(Folder, "good.ova"));
        AddArchives();
        AddDisks();
        Dictionary<string, string> before = Digests();

        using var shell = new ShellProcess($"$folder = '{Folder}'; $target = '{_directory.File("out")}'\n{Script}", _directory.File("tmp"));
        Assert.True(shell.WaitForExit(), "It hangs.");
        Assert.True(shell.ExitCode == 0, shell.Text);
        string json = shell.Text.Split('\n').Single(l => l.StartsWith('['));
        Result[] results = JsonSerializer.Deserialize<Result[]>(json)!;

        Assert.Equal(_expected.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}: {e.Value}"), results.OrderBy(r => r.Name, StringComparer.Ordinal).Select(r => $"{r.Name}: {r.Id}"));
        foreach (Result result in results.Where(r => r.Id.Length > 0))
        {
            Assert.True(result.Count == 1, result.ToString());
            Assert.True(result.Advice.Length > 10, result.ToString());
            Assert.True(result.Target.Length > 0, result.ToString());
        }

        Assert.Equal(before, Digests());
        Assert.Equal([Path.Combine(_directory.File("out"), "good.ova")], Directory.GetFileSystemEntries(_directory.File("out")));
        Assert.Empty(Directory.GetFileSystemEntries(_directory.File("tmp")));
    }

    [Fact]
    public void ADiskWithoutASystemIsExportedAsItIsWithAWarning()
    {
        using var engine = new Engine();
        File.WriteAllBytes(engine.File("empty.raw"), new byte[1 << 20]);
        Assert.Single(engine.Invoke("Import-V2VSource -Disk $args[0] | Export-V2VDisk -Local $out", engine.File("empty.raw")));
        Assert.Empty(engine.Errors);
        Assert.NotEmpty(engine.Warnings);
    }

    [Fact]
    public void ASourceThatChangesAfterTheImportIsRefused()
    {
        using var engine = new Engine();
        string ova = engine.File("guest.ova");
        File.Copy(Repository.PhonyOva, ova);
        engine.Invoke("""
            $source = Import-V2VSource -LiteralPath $args[0]
            [IO.File]::AppendAllText($args[0], 'more')
            $source | Convert-V2VGuest -WorkingDirectory $work | Export-V2VDisk -Local $out
            """, ova);
        Assert.StartsWith("SourceChanged,", Assert.Single(engine.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
        Assert.False(Directory.Exists(engine.OutDirectory) && Directory.GetFileSystemEntries(engine.OutDirectory).Length > 0);
    }

    public void Dispose() => _directory.Dispose();

    private void AddArchives()
    {
        Dictionary<string, byte[]> members = ReadMembers();
        byte[] disk = members["phony-debian-disk1.vmdk"];
        string ovf = System.Text.Encoding.UTF8.GetString(members["phony-debian.ovf"]);
        byte[] ova = File.ReadAllBytes(Repository.PhonyOva);

        Add("truncated.ova", "TarTruncated", ova[..(ova.Length * 6 / 10)]);
        Add("no-archive.ova", "OvaFormatUnsupported", "This is a letter, not a machine."u8.ToArray());
        AddTar("wrong-digest.ova", "ManifestDigestMismatch", members, "phony-debian.mf", Text(members, "phony-debian.mf").Replace("= 0", "= 1", StringComparison.Ordinal));
        AddTar("flipped.ova", "ManifestDigestMismatch", members, "phony-debian-disk1.vmdk", Flip(disk, disk.Length / 2));
        members.Remove("phony-debian.mf");
        AddTar("grain.ova", "VmdkGrainDamaged", members, "phony-debian-disk1.vmdk", FlipFirstGrain(disk));
        AddTar("header.ova", "VmdkHeaderInvalid", members, "phony-debian-disk1.vmdk", Flip(disk, 20, 0xFF));
        AddTar("no-end.ova", "VmdkGrainTruncated", members, "phony-debian-disk1.vmdk", disk[..(disk.Length / 2)]);
        AddTar("climbs.ova", "OvfHrefOutside", members, "phony-debian.ovf", ovf.Replace("phony-debian-disk1.vmdk", "../../etc/passwd", StringComparison.Ordinal));
        AddTar("absolute.ova", "OvfHrefOutside", members, "phony-debian.ovf", ovf.Replace("phony-debian-disk1.vmdk", "/etc/passwd", StringComparison.Ordinal));
        AddTar("missing.ova", "OvaDiskMissing", members, "phony-debian.ovf", ovf.Replace("phony-debian-disk1.vmdk", "other.vmdk", StringComparison.Ordinal));
        AddTar("entities.ova", "OvfXmlUnsafe", members, "phony-debian.ovf", ovf.Replace("<Envelope", "<!DOCTYPE e [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n<Envelope", StringComparison.Ordinal));
        AddTar("xml.ova", "OvfXmlInvalid", members, "phony-debian.ovf", ovf[..(ovf.Length / 2)]);
        AddTar(
            "bomb.ova", "DecompressionLimit", members.Append(new("bomb.gz", Bomb())).ToDictionary(), "phony-debian.ovf",
            ovf.Replace("ovf:href=\"phony-debian-disk1.vmdk\"", "ovf:href=\"bomb.gz\" ovf:compression=\"gzip\"", StringComparison.Ordinal));
    }

    private void AddDisks()
    {
        byte[] guest = Decompress(Repository.File("tests", "fixtures", "inspection", "guest.raw.gz"));
        const int Root = 18432 * 512;
        Add("no-system.raw", "InspectionNoOperatingSystem", new byte[1 << 20]);
        Add("unknown.raw", "ConversionInitramfsToolUnsupported", Replace(Replace(guest, "ID=debian\n", "ID=plan9x\n"), "12.5\n\u0000", "nine\n\u0000"));
        Add("feature.raw", "InspectionFileSystemUnsupported", WithUnknownFeature(guest, Root + 1024));
        Add("superblock.raw", "InspectionFileSystemDamaged", Flip(guest, Root + 1024 + 0x68));
        Add("short.raw", "InspectionFileSystemDamaged", guest[..(Root + (4 << 20))]);
        Add("loop.qcow2", "ImageReferenceLoop", Qcow2("loop2.base"));
        Add("loop2.base", null, Qcow2("loop.qcow2"));
        Add("alone.qcow2", "ImageFileNotFound", Qcow2("nowhere.qcow2"));
        Add("outside.qcow2", "ImageFileForbidden", Qcow2("../../etc/passwd"));
        Add("future.qcow2", "Qcow2FeatureUnsupported", Flip(Qcow2(null), 72, 0x80));
        Add("table.qcow2", "Qcow2HeaderInvalid", Flip(Qcow2(null), 41, 0x70));
    }

    private void Add(string name, string? errorId, byte[] content)
    {
        File.WriteAllBytes(Path.Combine(Folder, name), content);
        if (errorId is not null)
        {
            _expected.Add(name, errorId);
        }
    }

    private void AddTar(string name, string errorId, Dictionary<string, byte[]> members, string changed, string content) =>
        AddTar(name, errorId, members, changed, System.Text.Encoding.UTF8.GetBytes(content));

    private void AddTar(string name, string errorId, Dictionary<string, byte[]> members, string changed, byte[] content)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach ((string member, byte[] data) in members)
            {
                writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, member) { DataStream = new MemoryStream(member == changed ? content : data) });
            }
        }

        Add(name, errorId, stream.ToArray());
    }

    private static Dictionary<string, byte[]> ReadMembers()
    {
        var members = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        using FileStream file = File.OpenRead(Repository.PhonyOva);
        using var reader = new TarReader(file);
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            byte[] data = new byte[entry.Length];
            entry.DataStream!.ReadExactly(data);
            members.Add(entry.Name, data);
        }

        return members;
    }

    private static string Text(Dictionary<string, byte[]> members, string name) => System.Text.Encoding.UTF8.GetString(members[name]);

    private static byte[] Flip(byte[] content, int offset, byte bits = 0x10)
    {
        byte[] flipped = [.. content];
        flipped[offset] ^= bits;
        return flipped;
    }

    /// <summary>The first compressed grain is behind the header's overhead: 12 bytes of marker, then a zlib stream.</summary>
    private static byte[] FlipFirstGrain(byte[] vmdk) => Flip(vmdk, (int)(BitConverter.ToUInt64(vmdk, 64) * 512) + 12 + 8);

    private static byte[] Replace(byte[] content, string old, string @new)
    {
        byte[] changed = [.. content];
        int at = changed.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(old));
        Assert.True(at > 0, old);
        System.Text.Encoding.ASCII.GetBytes(@new).CopyTo(changed, at);
        return changed;
    }

    /// <summary>A bit that no release of ext4 uses, with the superblock's checksum put right.</summary>
    private static byte[] WithUnknownFeature(byte[] disk, int superblock)
    {
        byte[] changed = Flip(disk, superblock + 0x63, 0x40);
        uint checksum = uint.MaxValue;
        foreach (byte b in changed.AsSpan(superblock, 0x3FC))
        {
            checksum = System.Numerics.BitOperations.Crc32C(checksum, b);
        }

        BitConverter.TryWriteBytes(changed.AsSpan(superblock + 0x3FC), checksum);
        return changed;
    }

    /// <summary>An empty qcow2 of 1 MiB, version 3, over a backing file.</summary>
    private static byte[] Qcow2(string? backing)
    {
        byte[] image = new byte[4 << 16];
        var header = new System.Buffers.ArrayBufferWriter<byte>();
        void U32(uint value) => System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);
        void U64(ulong value) => System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);
        Span<byte> Take(int count)
        {
            Span<byte> span = header.GetSpan(count)[..count];
            header.Advance(count);
            return span;
        }

        U32(0x514649FB);
        U32(3);
        U64(backing is null ? 0UL : 512);
        U32((uint)(backing?.Length ?? 0));
        U32(16);
        U64(1 << 20);
        U32(0);
        U32(1);
        U64(3 << 16);
        U64(1 << 16);
        U32(1);
        U32(0);
        U64(0);
        U64(0);
        U64(0);
        U64(0);
        U32(4);
        U32(104);
        header.WrittenSpan.CopyTo(image);
        System.Text.Encoding.ASCII.GetBytes(backing ?? "").CopyTo(image, 512);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(1 << 16), 2 << 16);
        for (int cluster = 0; cluster < 4; cluster++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan((2 << 16) + (2 * cluster)), 1);
        }

        return image;
    }

    private static byte[] Bomb()
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
        {
            byte[] zeroes = new byte[1 << 20];
            for (int i = 0; i < 300; i++)
            {
                gzip.Write(zeroes);
            }
        }

        return stream.ToArray();
    }

    private static byte[] Decompress(string path)
    {
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var content = new MemoryStream();
        gzip.CopyTo(content);
        return content.ToArray();
    }

    private Dictionary<string, string> Digests() =>
        Directory.GetFiles(Folder).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))));

    private sealed record Result(string Name, int Count, string Id, string Target, string Advice);
}
