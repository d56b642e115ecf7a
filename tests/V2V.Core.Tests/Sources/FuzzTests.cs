using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using V2V.Core.Sources;
using V2V.Core.Sources.Containers;
using V2V.Core.Sources.Manifests;
using V2V.Core.Sources.Ovf;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>Bit flips, cuts and copied blocks over real input, with fixed seeds: only a V2VException may come out.</summary>
public sealed class FuzzTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    public void Tar_headers(TarEntryFormat format)
    {
        var memory = new MemoryStream();
        new OvaBuilder().WithManifest().WriteTar(memory, format, "a-folder-with-a-long-name-0123456789-0123456789-0123456789/and-another-0123456789-0123456789-0123456789/");
        Run(memory.ToArray(), 4000, (bytes, _) => TarIndex.Read(Device(bytes), "x", [], CancellationToken.None), fixChecksums: true);
    }

    [Fact]
    public void Zip_indexes()
    {
        string path = new OvaBuilder().WriteZip(_directory.File("x.zip"), CompressionLevel.Optimal);
        byte[] whole = File.ReadAllBytes(path);
        Run(whole, 4000, (bytes, _) =>
        {
            using BlockDevice device = Device(bytes);
            foreach (ArchiveMember member in ZipIndex.Read(device, "x").Where(m => m.Problem is null))
            {
                ZipIndex.FindData(device, member, "x");
            }
        });
    }

    [Fact]
    public void Ovf_descriptors()
    {
        string root = Corpus.Require("ovf");
        foreach (string file in (string[])["cot/input.ovf", "cot/v0.9.ovf", "cot/ubuntu.2.0.ovf", "govmomi/multiple_disks.ovf", "govmomi/configspec.ovf", "govmomi/virtualsystemcollection.ovf"])
        {
            Run(File.ReadAllBytes(Path.Combine(root, file)), 400, (bytes, _) => ReadOvf(bytes));
        }
    }

    [Fact]
    public void Ovf_values()
    {
        // Damaged bytes are mostly malformed XML; exchanged words are well-formed nonsense.
        string[] words = ["", "0", "-1", "99999999999999999999", "2147483648", "9223372036854775807", "x", "${p}", "ovf:/disk/", "ovf:/file/", "..", "byte * 2^62", "1e9", "\u0000".Replace("\0", "&#9;", StringComparison.Ordinal), "true", "efi", "3", "17"];
        var random = new Random(77);
        string ovf = new OvaBuilder().Ovf;
        int[] places = [.. Enumerable.Range(1, ovf.Length - 2).Where(i => (ovf[i] == '>' && ovf[i + 1] != '<' && ovf[i + 1] != '\n') || (ovf[i] == '"' && ovf[i - 1] == '='))];
        for (int round = 0; round < 3000; round++)
        {
            string changed = ovf;
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                int place = places[random.Next(places.Length)];
                int end = changed.IndexOfAny(['<', '"'], Math.Min(place + 1, changed.Length - 1));
                if (place < changed.Length && end > place)
                {
                    changed = changed[..(place + 1)] + words[random.Next(words.Length)] + changed[end..];
                }
            }

            Guard(() => ReadOvf(Encoding.UTF8.GetBytes(changed)), round);
        }
    }

    [Fact]
    public void Manifests() =>
        Run(Encoding.UTF8.GetBytes(new OvaBuilder().WithManifest().Manifest!), 3000, (bytes, _) => ManifestReader.Read(bytes, "x.mf", []));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whole_archives(bool isZip)
    {
        OvaBuilder ova = new OvaBuilder().WithManifest();
        string source = isZip ? ova.WriteZip(_directory.File("s.zip"), CompressionLevel.Optimal) : ova.WriteTar(_directory.File("s.ova"), TarEntryFormat.Gnu);
        string path = _directory.File("x.ova");
        string work = Directory.CreateDirectory(_directory.File("work")).FullName;
        Run(File.ReadAllBytes(source), 300, (bytes, round) =>
        {
            File.WriteAllBytes(path, bytes);
            try
            {
                foreach (V2VSource machine in SourceImporter.ImportOva(path, new SourceOptions { WorkingDirectory = work, SkipManifest = round % 2 == 0 }))
                {
                    if (machine.StagingDirectory is { } staging)
                    {
                        Core.Working.WorkArea.Delete(staging);
                    }
                }
            }
            finally
            {
                Assert.Empty(Directory.EnumerateFileSystemEntries(work));
            }
        });
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    [InlineData("zstd")]
    public void Compressed_archives(string program)
    {
        Tool.Require("sh", program);
        string tar = new OvaBuilder().WriteTar(_directory.File("x.tar"));
        Tool.Run("sh", "-c", $"{program} -c '{tar}' > '{_directory.File("s")}'");
        string path = _directory.File("x.ova");
        string work = Directory.CreateDirectory(_directory.File("work")).FullName;
        Run(File.ReadAllBytes(_directory.File("s")), 120, (bytes, _) =>
        {
            File.WriteAllBytes(path, bytes);
            foreach (V2VSource machine in SourceImporter.ImportOva(path, new SourceOptions { WorkingDirectory = work }))
            {
                Core.Working.WorkArea.Delete(machine.StagingDirectory!);
            }
        });
        Assert.Empty(Directory.EnumerateFileSystemEntries(work));
    }

    private static void ReadOvf(byte[] bytes)
    {
        OvfPackage package = OvfPackage.Parse(bytes, "x.ovf");
        foreach (System.Xml.Linq.XElement system in package.Systems)
        {
            OvfSystemReader.Read(package, system, Path.GetFullPath("x.ova"), new SourceOptions());
        }
    }

    private static MemoryDevice Device(byte[] bytes) => new(bytes);

    private static void Run(byte[] whole, int rounds, Action<byte[], int> action, bool fixChecksums = false)
    {
        var random = new Random(4711);
        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = (byte[])whole.Clone();
            switch (random.Next(4))
            {
                case 0:
                    bytes = bytes[..random.Next(bytes.Length)];
                    break;
                case 1:
                    int length = random.Next(1, Math.Min(600, bytes.Length));
                    bytes.AsSpan(random.Next(bytes.Length - length), length).CopyTo(bytes.AsSpan(random.Next(bytes.Length - length)));
                    break;
                default:
                    for (int n = random.Next(1, 6); n > 0; n--)
                    {
                        // The interesting fields are in the first part of a tar and the last part of a zip.
                        int at = random.Next(2) == 0 ? random.Next(bytes.Length) : random.Next(2) == 0 ? random.Next(Math.Min(bytes.Length, 2048)) : bytes.Length - 1 - random.Next(Math.Min(bytes.Length, 512));
                        bytes[at] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(bytes[at] ^ (1 << random.Next(8)));
                    }

                    break;
            }

            if (fixChecksums)
            {
                FixChecksums(bytes);
            }

            Guard(() => action(bytes, round), round);
        }
    }

    /// <summary>Makes the sums of all blocks that look like headers right, so that the fields behind them are reached.</summary>
    private static void FixChecksums(byte[] bytes)
    {
        for (int at = 0; at + 512 <= bytes.Length; at += 512)
        {
            Span<byte> block = bytes.AsSpan(at, 512);
            if (block.Slice(257, 5).SequenceEqual("ustar"u8))
            {
                block.Slice(148, 8).Fill((byte)' ');
                int sum = 0;
                foreach (byte value in block)
                {
                    sum += value;
                }

                Encoding.ASCII.GetBytes(System.Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(block[148..]);
            }
        }
    }

    private static void Guard(Action action, int round)
    {
        try
        {
            action();
        }
        catch (V2VException)
        {
            // What damaged input should come to.
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"Round {round}: {e}");
        }
    }
}
