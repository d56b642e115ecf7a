using System.Security.Cryptography;
using V2V.FileSystems.Ntfs;
using V2V.Storage;
using V2V.Storage.Partitions;
using V2V.Testing;
using Xunit;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs.Log;

/// <summary>
/// Logs that Windows wrote, replayed: what comes out must be, structure by structure, what Windows itself left. Images of the corpus have such logs;
/// where the corpus has more of them (folder <c>ntfs-samples</c>: images of msuhanov/ntfs-samples and dfir_ntfs; folder <c>ldm-volumes</c>: volumes out of
/// libguestfs' LDM test data), those are used too.
/// </summary>
public sealed class NtfsLogTests
{
    private const int MostCheckpoints = 4;

    public static TheoryData<string> Images
    {
        get
        {
            var images = new TheoryData<string> { "disk-vhd-vhdx/dissect/dynamic.vhd.gz", "disk-vhd-vhdx/dissect/fixed.vhdx.gz" };
            foreach (string name in (string[])["ntfs-samples/ntfs-lastaccess.raw.gz", "ntfs-samples/ntfs_index.raw.gz", "ldm-volumes/2003r2-simple-1-32256.gz", "ldm-volumes/2008r2-mirrored-1-65536.gz"])
            {
                if (Corpus.Find(name) is not null)
                {
                    images.Add(name);
                }
            }

            return images;
        }
    }

    /// <summary>
    /// Windows 8 and later lay out the log as LFS 2 does, and say LFS 1 when they close it: such a log is replayed as either. (The other volumes of Windows in the
    /// corpus, <c>ntfs.bin</c> and <c>charlie.dd</c>, were mounted once more without a change, which wrote over the first page of what the log held.)
    /// </summary>
    public static TheoryData<string, int> ImagesByVersion
    {
        get
        {
            var images = new TheoryData<string, int>();
            foreach (string image in Images.Select(i => i.Data))
            {
                images.Add(image, 1);
                if (image.StartsWith("disk-vhd-vhdx/", StringComparison.Ordinal))
                {
                    images.Add(image, 2);
                }
            }

            return images;
        }
    }

    [Theory]
    [MemberData(nameof(ImagesByVersion))]
    public void AReplayGivesWhatWindowsLeft(string file, int major)
    {
        using var source = new Volume(file);
        List<ulong> checkpoints = source.Checkpoints();
        Assert.NotEmpty(checkpoints);
        Assert.True(major <= source.Major, "The log is laid out as LFS 1 does.");
        int total = 0;
        foreach (ulong checkpoint in checkpoints.Where((_, i) => i % ((checkpoints.Count / MostCheckpoints) + 1) == 0))
        {
            using var dirty = new NtfsImage(source.CopyTo);
            total += MakeDirty(dirty, checkpoint, null, major);
            dirty.Read(fileSystem => Assert.False(fileSystem.IsLogClean));
            Replay(dirty);
            dirty.Read(fileSystem => Assert.True(fileSystem.IsLogClean));
            Assert.Empty(VolumeStructures.Differences(source.Path, dirty.Path));
            dirty.AssertClean();
        }

        Assert.True(total > 0, "nothing was to be replayed");
    }

    /// <summary>A log of LFS 2 is replayed by itself only on a volume with Windows; none of these is one.</summary>
    private static void Replay(NtfsImage image)
    {
        using FileDevice device = FileDevice.Open(image.Path, writable: true);
        new LogFile(new NtfsVolume(device)).ReplayOpened("The test says so");
        device.Flush();
    }

    /// <summary>
    /// The log ends within a transaction: what comes out is what comes out of a log that ends before that transaction. Each kind of change that Windows
    /// had logged is taken back at least once.
    /// </summary>
    [Theory]
    [MemberData(nameof(Images))]
    public void AnUnfinishedTransactionIsTakenBack(string file)
    {
        const int MostCheckpoints = 2, Enough = 1, MostTries = 8;
        using var source = new Volume(file);
        var covered = new Dictionary<LogOperation, int>();
        List<ulong> checkpoints = source.Checkpoints();
        foreach (ulong checkpoint in checkpoints.Where((_, i) => i % ((checkpoints.Count / MostCheckpoints) + 1) == 0))
        {
            int tries = 0;
            foreach (LogEnd end in source.Ends(checkpoint).Where(e => !e.IsSettled))
            {
                LogOperation[] operations = [.. end.Undone.Select(r => r.Undo).Where(o => o != LogOperation.Noop).Distinct()];
                if (tries < MostTries && operations.Any(o => covered.GetValueOrDefault(o) < Enough) && ++tries > 0 && IsTakenBack(source, checkpoint, end))
                {
                    foreach (LogOperation operation in operations)
                    {
                        covered[operation] = covered.GetValueOrDefault(operation) + 1;
                    }
                }
            }
        }

        Assert.True(covered.Count >= 5, "taken back: " + string.Join(", ", covered.Keys));
    }

    private static bool IsTakenBack(Volume source, ulong checkpoint, LogEnd end)
    {
        using NtfsImage without = new(source.CopyTo), within = new(source.CopyTo);
        MakeDirty(without, checkpoint, end.Before);
        try
        {
            without.Write(_ => { });
        }
        catch (V2VException e)
        {
            // The volume had just been formatted, or part of the log that is needed was overwritten since.
            Assert.Equal("NtfsLogDirty", e.ErrorId);
            return false;
        }

        MakeDirty(within, checkpoint, end.Undone[^1].Lsn);
        within.Write(_ => { });
        Assert.Empty(VolumeStructures.Differences(without.Path, within.Path, isUndone: true));
        Assert.Equal(Complaint(without), Complaint(within));
        return true;
    }

    /// <summary>What is wrong with a volume: the copy that was taken back for the test may lack what was not logged.</summary>
    private static string? Complaint(NtfsImage image)
    {
        try
        {
            image.AssertClean();
            return null;
        }
        catch (Exception e) when (e is Xunit.Sdk.XunitException or V2VException or InvalidOperationException)
        {
            return e.Message.Replace(image.Path, "", StringComparison.Ordinal);
        }
    }

    /// <summary>Where Windows itself took a transaction back, it did what the undo half of the record that it took back says.</summary>
    [Theory]
    [InlineData("disk-vhd-vhdx/dissect/dynamic.vhd.gz", 2)]
    [InlineData("disk-vhd-vhdx/dissect/fixed.vhdx.gz", 2)]
    public void WindowsTookBackWhatTheUndoHalvesSay(string file, int count)
    {
        using var source = new Volume(file);
        using var log = new WindowsLog(source.Path);
        LogRecord[] records = [.. log.Records(log.Checkpoints()[0]).Where(r => r.IsChange && r.IsSound)];
        LogRecord[] compensations = [.. records.Where(r => r.Undo == LogOperation.Compensation && LogActions.IsChange(r.Redo))];
        Assert.Equal(count, compensations.Length);
        foreach (LogRecord compensation in compensations)
        {
            LogRecord undone = records.Last(r => r.Lsn < compensation.Lsn && r.Transaction == compensation.Transaction && r.UndoNext == compensation.UndoNext && LogActions.IsChange(r.Undo));
            Assert.Equal(undone.Undo, compensation.Redo);
            Assert.Equal(undone.UndoData.ToArray(), compensation.RedoData.ToArray());
            Assert.Equal((undone.Cluster(0), undone.ClusterOffset, undone.RecordOffset), (compensation.Cluster(0), compensation.ClusterOffset, compensation.RecordOffset));
        }
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
            MakeDirty(dirty, checkpoint, null);
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

    /// <summary>Records with flipped bits, in a log that ends within a transaction: replayed, or refused by name.</summary>
    [Fact]
    public void ADamagedLogIsReplayedOrRefused()
    {
        const int Rounds = 120;
        using var source = new Volume("disk-vhd-vhdx/dissect/dynamic.vhd.gz");
        ulong checkpoint = source.Checkpoints()[0];
        LogEnd[] ends = [.. source.Ends(checkpoint).Where(e => e.Undone.Length > 3)];
        using var dirty = new NtfsImage(source.CopyTo);
        MakeDirty(dirty, checkpoint, ends[^1].Undone[^1].Lsn);
        byte[] image = File.ReadAllBytes(dirty.Path);
        int[] pages = [.. Enumerable.Range(0, image.Length / 4096).Select(i => i * 4096).Where(i => image.AsSpan(i).StartsWith("RCRD"u8) && ReadUInt64LittleEndian(image.AsSpan(i + 32)) is > 0 and < ulong.MaxValue)];
        var random = new Random(17);
        int refused = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = [.. image];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                // Not the last two bytes of a sector, which only tell that a page is torn.
                int at = pages[random.Next(pages.Length)] + (random.Next(8) * 512) + random.Next(64, 510);
                bytes[at] ^= (byte)(1 << random.Next(8));
            }

            using var device = new MemoryDevice(bytes);
            try
            {
                NtfsFileSystem.Open(device, writable: true).Dispose();
            }
            catch (V2VException)
            {
                refused++;
            }
        }

        Assert.True(refused is > 0 and < Rounds, $"{refused} refused");
    }

    /// <summary>LFS 2.0 on a volume without Windows may be Fast Startup's.</summary>
    [Fact]
    public void ALogOfWindows8OnAnotherVolumeIsRefused()
    {
        using var source = new Volume("disk-vhd-vhdx/dissect/dynamic.vhd.gz");
        using var dirty = new NtfsImage(source.CopyTo);
        MakeDirty(dirty, source.Checkpoints()[0], null, major: 2);
        using FileDevice device = FileDevice.Open(dirty.Path, writable: true);
        V2VException refused = Assert.Throws<V2VException>(() => NtfsFileSystem.Open(device, writable: true));
        Assert.Equal("NtfsLogDirty", refused.ErrorId);
        Assert.Contains("Fast Startup", refused.Message, StringComparison.Ordinal);
    }

    private static int MakeDirty(NtfsImage image, ulong checkpoint, ulong? last, int major = 1)
    {
        using var log = new WindowsLog(image.Path);
        LogRecord first = log.Checkpoint(checkpoint);
        LogRecord end = log.Records(first).Prepend(first).Last(r => r.Lsn <= (last ?? ulong.MaxValue));
        int count = log.Rewind(first);
        log.Cut(end);
        log.MarkOpen(first, end, major);
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
            Path = _folder.File("volume");
            Span<byte> head = stackalloc byte[8];
            disk.Read(3, head);
            if (head.SequenceEqual("NTFS    "u8))
            {
                File.Move(raw, Path);
                return;
            }

            Partition partition = PartitionTable.Read(disk).Partitions[0];
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

        /// <summary>How the log is laid out: as LFS 1 or 2 does.</summary>
        public int Major
        {
            get
            {
                using var log = new WindowsLog(Path);
                return log.Major;
            }
        }

        /// <summary>Ends of the log within a transaction that began when no other was open, and that nothing else happened in.</summary>
        public List<LogEnd> Ends(ulong checkpoint)
        {
            using var scratch = new NtfsImage(CopyTo);
            using var log = new WindowsLog(scratch.Path);
            LogRecord first = log.Checkpoint(checkpoint);
            LogRecord[] records = [.. log.Records(first)];
            log.Rewind(first);
            return [.. LogEnd.Find(first, records, log.IsSettled)];
        }

        public void CopyTo(string path) => Tool.Run("cp", "--sparse=always", Path, path);

        public void Dispose() => _folder.Dispose();
    }
}
