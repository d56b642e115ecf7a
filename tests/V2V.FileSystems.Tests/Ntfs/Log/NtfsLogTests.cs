using System.Security.Cryptography;
using V2V.FileSystems.Ntfs;
using V2V.Storage;
using V2V.Storage.Partitions;
using V2V.Testing;
using Xunit;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs.Log;

/// <summary>
/// Logs that Windows wrote, replayed: what comes out must be, structure by structure, what Windows itself left. Two images of the corpus have such a log;
/// where the corpus has more of them (folder <c>ntfs-samples</c>: images of msuhanov/ntfs-samples and dfir_ntfs), those are used too.
/// </summary>
public sealed class NtfsLogTests
{
    private const int MostCheckpoints = 4;

    public static TheoryData<string> Images
    {
        get
        {
            var images = new TheoryData<string> { "disk-vhd-vhdx/dissect/dynamic.vhd.gz", "disk-vhd-vhdx/dissect/fixed.vhdx.gz" };
            foreach (string name in (string[])["ntfs-samples/ntfs-lastaccess.raw.gz", "ntfs-samples/ntfs_index.raw.gz"])
            {
                if (Corpus.Find(name) is not null)
                {
                    images.Add(name);
                }
            }

            return images;
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void AReplayGivesWhatWindowsLeft(string file)
    {
        using var source = new Volume(file);
        List<ulong> checkpoints = source.Checkpoints();
        Assert.NotEmpty(checkpoints);
        int total = 0;
        foreach (ulong checkpoint in checkpoints.Where((_, i) => i % ((checkpoints.Count / MostCheckpoints) + 1) == 0))
        {
            using var dirty = new NtfsImage(source.CopyTo);
            total += MakeDirty(dirty, checkpoint);
            dirty.Read(fileSystem => Assert.False(fileSystem.IsLogClean));
            dirty.Write(_ => { });
            dirty.Read(fileSystem => Assert.True(fileSystem.IsLogClean));
            Assert.Empty(VolumeStructures.Differences(source.Path, dirty.Path));
            dirty.AssertClean();
        }

        Assert.True(total > 0, "nothing was to be replayed");
    }

    [Fact]
    public void ATornLogIsRefusedAndNothingIsWritten()
    {
        using var source = new Volume("disk-vhd-vhdx/dissect/dynamic.vhd.gz");
        ulong checkpoint = source.Checkpoints()[0];
        int refused = 0;
        for (int round = 0; round < 16; round++)
        {
            using var dirty = new NtfsImage(source.CopyTo);
            MakeDirty(dirty, checkpoint);
            Damage(dirty.Path, round);
            byte[] before = SHA256.HashData(File.ReadAllBytes(dirty.Path));
            using FileDevice device = FileDevice.Open(dirty.Path, writable: true);
            try
            {
                NtfsFileSystem.Open(device, writable: true).Dispose();
            }
            catch (V2VException e)
            {
                Assert.Equal("NtfsLogDirty", e.ErrorId);
                refused++;
                Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(dirty.Path)));
            }
        }

        Assert.True(refused > 0, $"{refused} refused");
    }

    /// <summary>LFS 2.0 on a volume without Windows may be Fast Startup's.</summary>
    [Fact]
    public void ALogOfWindows8OnAnotherVolumeIsRefused()
    {
        using var source = new Volume("disk-vhd-vhdx/dissect/dynamic.vhd.gz");
        using var dirty = new NtfsImage(source.CopyTo);
        MakeDirty(dirty, source.Checkpoints()[0], major: 2);
        using FileDevice device = FileDevice.Open(dirty.Path, writable: true);
        V2VException refused = Assert.Throws<V2VException>(() => NtfsFileSystem.Open(device, writable: true));
        Assert.Equal("NtfsLogDirty", refused.ErrorId);
        Assert.Contains("Fast Startup", refused.Message, StringComparison.Ordinal);
    }

    private static int MakeDirty(NtfsImage image, ulong checkpoint, int major = 1)
    {
        using var log = new WindowsLog(image.Path);
        LogRecord first = log.Checkpoints().Single(c => c.Lsn == checkpoint);
        int count = log.Rewind(first);
        log.MarkOpen(first, major);
        return count;
    }

    /// <summary>Tears one of the last pages of the log: the end of its first sector is of another write.</summary>
    private static void Damage(string path, int page)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int[] pages = [.. Enumerable.Range(0, bytes.Length / 512).Select(i => i * 512).Where(i => bytes.AsSpan(i).StartsWith("RCRD"u8))];
        int at = pages[^(1 + (page % pages.Length))] + 510;
        using FileDevice device = FileDevice.Open(path, writable: true);
        device.Write(at, [(byte)(bytes[at] ^ 1)]);
    }

    /// <summary>The first partition of an image of the corpus.</summary>
    private sealed class Volume : IDisposable
    {
        private readonly TemporaryDirectory _folder = new();

        public Volume(string file)
        {
            Tool.Require("qemu-img", "gzip");
            string packed = _folder.File("image"), raw = _folder.File("raw");
            Tool.Run("sh", "-c", $"gzip -dc '{Corpus.Require(file)}' > '{packed}'");
            Tool.Run("qemu-img", "convert", "-O", "raw", packed, raw);
            using FileDevice disk = FileDevice.Open(raw);
            Partition partition = PartitionTable.Read(disk).Partitions[0];
            Path = _folder.File("volume");
            using FileDevice target = FileDevice.Create(Path, partition.Length);
            var buffer = new byte[1 << 20];
            for (long at = 0; at < partition.Length; at += buffer.Length)
            {
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, partition.Length - at));
                disk.Read(partition.Offset + at, part);
                if (part.ContainsAnyExcept((byte)0))
                {
                    target.Write(at, part);
                }
            }
        }

        public string Path { get; }

        public List<ulong> Checkpoints()
        {
            using var log = new WindowsLog(Path);
            return [.. log.Checkpoints().Select(c => c.Lsn)];
        }

        public void CopyTo(string path) => Tool.Run("cp", "--sparse=always", Path, path);

        public void Dispose() => _folder.Dispose();
    }
}
