using System.Globalization;
using V2V.FileSystems.Tests.Ext;
using V2V.FileSystems.Xfs;
using V2V.FileSystems.Xfs.Log;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs.Log;

/// <summary>Logs that the kernel left behind. The judges are the kernel's own recovery of a copy, its mounts of ours, and xfs_repair.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Interoperability", "CA1416", Justification = "Runs where mkfs.xfs is.")]
public sealed class LogRecoveryTests
{
    /// <summary>Rounds of all sorts of changes, the last of which deletes files that are still open; then the file system is shut down.</summary>
    private const string Work = """
        set -e
        work() {
          mkdir -p d$1/e/f
          for i in $(seq 1 60); do printf '%s %s' $1 $i > d$1/e/a-file-with-a-rather-long-name-$i; done
          for i in $(seq 1 12); do ln -s "$(printf 't%.0s' $(seq 1 $((i * 70))))" d$1/e/f/link$i; done
          for i in $(seq 1 30); do setfattr -n user.name$i -v "$(printf 'v%.0s' $(seq 1 $((i * 9))))" d$1/e/f; done
          setfattr -n user.far -v 0x$(head -c 6000 /dev/urandom | od -An -vtx1 | tr -d ' \n') d$1/e
          head -c 300000 /dev/urandom > d$1/plain
          cp --reflink=auto d$1/plain d$1/shared; head -c 9000 /dev/urandom | dd of=d$1/shared bs=4096 seek=9 conv=notrunc 2> /dev/null
          for i in 1 3 5 7 9 11 13 15 17 19; do fallocate -p -o $((i * 8192)) -l 4096 d$1/plain; done
          fallocate -l 2M d$1/reserved; truncate -s 70000 d$1/reserved; ln d$1/plain d$1/hard; mv d$1/shared d$1/e/moved
          mknod d$1/pipe p; mknod d$1/device b 7 $1; chmod 4711 d$1/plain; chown 70000:80000 d$1/e/moved
          rm d$1/e/a-file-with-a-rather-long-name-?
          if [ $1 -gt 2 ]; then rm -r d$(($1 - 2)); fi
        }
        cd "$1"
        for churn in $(seq 1 $4); do
          mkdir many
          (cd many; seq -f "a-name-that-is-long-enough-to-need-many-blocks-of-a-directory-%g-$churn" 1 2500 | xargs touch; sync -f .)
          rm -r many
          sync -f .
        done
        for round in $(seq 1 $2); do work $round; if [ $(($round % 3)) -eq 0 ]; then sync -f .; fi; done
        exec 7<> d$2/e/moved 8<> open 9< d$2
        rm d$2/e/moved open
        printf last > last
        if [ "$3" = flush ]; then xfs_io -x -c 'shutdown -f' .; else sync d$2/plain; xfs_io -x -c shutdown .; fi
        """;

    [Theory]
    [InlineData("-m rmapbt=1", "", 3, "flush", 0)]
    [InlineData("-m rmapbt=0,reflink=0,finobt=0,bigtime=0,inobtcount=0", "logbsize=256k", 2, "sync", 0)]
    [InlineData("-b size=1024 -i nrext64=0", "logbsize=64k", 3, "sync", 0)]
    [InlineData("-s size=4096 -m rmapbt=1 -l size=4000b", "", 3, "flush", 0)]
    [InlineData("-l su=32k,size=12m -i size=1024,sparse=0", "", 3, "flush", 0)]
    [InlineData("-l su=256k,size=20m -n size=16384", "", 2, "sync", 0)]
    [InlineData("-l size=1400b", "logbsize=32k", 3, "sync", 5)]
    [InlineData("-m rmapbt=1 -l size=3600b,su=64k -i nrext64=1", "", 3, "flush", 10)]
    public void Recovery_comes_to_what_the_kernel_comes_to(string makeOptions, string mountOptions, int rounds, string shutDown, int churns)
    {
        Tool.Require("setfattr", "sh", "fallocate");
        using var image = new DirtyXfs(
            makeOptions, mountOptions, mount => Tool.Run("sh", "-c", Work, "work", mount, Text(rounds), shutDown, Text(churns)));

        XfsLogReplay replay = image.AssertSameRecovery(image.Path);

        Assert.True(replay.Transactions > 0 && replay.Writes > 0);
        Assert.True(churns == 0 || replay.Position.Cycle > 1, "The log should have gone round.");
        image.Show(image.Path, "loop");
        using (new LoopMount(image.Path, image.Mount, "loop,ro"))
        {
            using FileDevice ours = FileDevice.Open(image.File("ours"));
            using XfsFileSystem fileSystem = XfsFileSystem.Open(ours, writable: false);
            HostTree.AssertEqual(image.Mount, fileSystem);
        }
    }

    [Fact]
    public void A_dirty_file_system_can_be_read_without_being_written()
    {
        using var image = new DirtyXfs("-m rmapbt=1", "", mount => Tool.Run("sh", "-c", Work, "work", mount, "2", "flush", "0"));
        string before = OvaPacker.Digest(image.Path);
        string theirs = image.Copy(image.Path, "theirs");
        image.Show(theirs, "loop");
        using (new LoopMount(theirs, image.Mount, "loop,ro"))
        {
            using FileDevice device = FileDevice.Open(image.Path);
            using XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: false);
            HostTree.AssertEqual(image.Mount, fileSystem);
        }

        Assert.Equal(before, OvaPacker.Digest(image.Path));
    }

    [Theory]
    [InlineData("-m rmapbt=1 -l size=20m", 11)]
    [InlineData("-m rmapbt=0 -l size=20m", 12)]
    [InlineData("-m rmapbt=0,reflink=0 -l size=20m", 13)]
    public void Any_moment_of_a_crash_is_recovered_from(string makeOptions, int seed)
    {
        using var image = new DirtyXfs(makeOptions, "", mount => Fragment(mount, seed));
        var random = new Random(seed);
        List<(int Start, int End)> records = RecordsOf(image);
        Assert.True(records.Count > 20, $"only {records.Count} records");
        int judged = 0;
        for (int round = 0; round < 30; round++)
        {
            (int start, int end) = records[random.Next(4, records.Count)];
            string cut = Cut(image, random.Next(3) == 0 ? random.Next(start + 1, end) : end);
            string ours = image.Copy(cut, "ours");
            bool hasIntents;
            using (FileDevice device = FileDevice.Open(ours, writable: true))
            {
                hasIntents = XfsLog.Replay(new CopyOnWriteDevice(device), XfsSuperblock.Read(device)).Intents.Count > 0;
                XfsFileSystem.Open(device, writable: true).Dispose();
            }

            DirtyXfs.AssertRepaired(ours);
            if (hasIntents && judged < 4)
            {
                image.AssertSameRecovery(cut);
                judged++;
            }
        }
    }

    /// <summary>Parent pointers change in steps of their own, between which the log may end.</summary>
    [Fact]
    public void Parent_pointers_are_finished()
    {
        // The log of one run in eight happens to have no such record.
        int judged = 0;
        for (int attempt = 0; judged == 0 && attempt < 6; attempt++)
        {
            judged = JudgeParents();
        }

        Assert.True(judged > 0, "No record ends in the middle of a change.");
    }

    private static int JudgeParents()
    {
        using var image = new DirtyXfs("-n parent=1", "", Rename);
        List<(int Start, int End)> records = RecordsOf(image);
        int judged = 0;
        for (int i = 4; i < records.Count && judged < 2; i++)
        {
            if (!HasIntents(image, records[i].End))
            {
                continue;
            }

            string cut = Cut(image, records[i].End);
            image.AssertSameRecovery(cut, keepsTimes: false);
            using FileDevice ours = FileDevice.Open(image.File("ours"));
            using XfsFileSystem fileSystem = XfsFileSystem.Open(ours, writable: false);
            ParentCheck.AssertHolds(fileSystem);
            judged++;
        }

        return judged;
    }

    /// <summary>Names of files that have many, made, changed and removed by several threads, while another has the log written all the time.</summary>
    private static void Rename(string mount)
    {
        // What is in the first record and never changes again keeps the tail of the log there: nothing has been written back.
        using (FileStream file = File.Create(Path.Combine(mount, "anchor")))
        {
            file.Flush(flushToDisk: true);
        }

        using var stop = new CancellationTokenSource();
        var syncer = new Thread(() => Sync(mount, stop.Token));
        syncer.Start();
        Parallel.For(0, 4, worker =>
        {
            string folder = Directory.CreateDirectory(Path.Combine(mount, FormattableString.Invariant($"folder{worker}"))).FullName;
            for (int i = 0; i < 40; i++)
            {
                File.WriteAllText(Path.Combine(folder, new string('n', 120) + Text(i)), "x");
            }

            for (int round = 0; round < 6; round++)
            {
                Tool.Run("cp", "-al", folder, folder + "-copy" + Text(round));
                foreach (string file in Directory.GetFiles(folder + "-copy" + Text(round)))
                {
                    File.Move(file, file + "-moved");
                }

                if (round % 2 == 0)
                {
                    Directory.Delete(folder + "-copy" + Text(round), recursive: true);
                }
            }
        });
        stop.Cancel();
        syncer.Join();
        DirtyXfs.ShutDown(mount, flushed: true);
    }

    private static void Sync(string mount, CancellationToken stop)
    {
        using FileStream file = File.Create(Path.Combine(mount, "synced"));
        for (int i = 0; !stop.IsCancellationRequested; i = (i + 1) % 2000)
        {
            file.Position = i * 4096L;
            file.WriteByte(1);
            file.Flush(flushToDisk: true);
        }
    }

    /// <summary>Files in hundreds of pieces, shared, overwritten, cut off and deleted, while another thread has the log written all the time.</summary>
    private static void Fragment(string mount, int seed)
    {
        var random = new Random(seed);
        using var stop = new CancellationTokenSource();
        var syncer = new Thread(() => Sync(mount, stop.Token));
        syncer.Start();
        try
        {
            string source = Path.Combine(mount, "source");
            Scatter(source, 400);
            for (int i = 0; i < 14; i++)
            {
                string copy = Path.Combine(mount, FormattableString.Invariant($"copy{i}"));
                Tool.Run("cp", "--reflink=auto", source, copy);
                if (i % 3 == 1)
                {
                    Scatter(copy, 60 + random.Next(60));
                }

                if (i % 4 != 3)
                {
                    using (FileStream file = File.OpenWrite(copy))
                    {
                        file.SetLength(random.Next(2) * 400_000);
                    }

                    File.Delete(copy);
                }
            }
        }
        finally
        {
            stop.Cancel();
            syncer.Join();
            DirtyXfs.ShutDown(mount, flushed: true);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void Scatter(string path, int pieces)
    {
        using FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        for (int i = 0; i < pieces; i++)
        {
            file.Position = i * 8192L;
            file.Write(new byte[4096]);
        }

        file.Flush(flushToDisk: true);
    }

    private static List<(int Start, int End)> RecordsOf(DirtyXfs image)
    {
        using FileDevice device = FileDevice.Open(image.Path);
        var log = new LogBlocks(device, XfsSuperblock.Read(device));
        LogPosition position = new LogLocator(log).Locate(verify: true);
        Assert.Equal(2, position.Tail);
        var reader = new RecordReader(log);
        reader.Start(2, position.Head);
        var records = new List<(int Start, int End)>();
        while (reader.HasMore)
        {
            Assert.True(reader.TryNext());
            records.Add((reader.Block, reader.Block + reader.Header.HeaderBlocks(log) + reader.Header.ContentBlocks));
        }

        return records;
    }

    /// <summary>True if the log ends in the middle of a change where it is cut off.</summary>
    private static bool HasIntents(DirtyXfs image, int end)
    {
        using FileDevice source = FileDevice.Open(image.Path);
        using FileDevice fresh = FileDevice.Open(image.Fresh);
        var cut = new CopyOnWriteDevice(fresh);
        XfsSuperblock super = XfsSuperblock.Read(cut);
        var content = new byte[end * LogBlocks.BlockSize];
        new LogBlocks(source, super).Read(0, content);
        new LogBlocks(cut, super).Write(0, content);
        return XfsLog.Replay(cut, super).Intents.Count > 0;
    }

    /// <summary>The file system as mkfs made it, with the log as it was when a block had been written: nothing else had been by then.</summary>
    private static string Cut(DirtyXfs image, int end)
    {
        string cut = image.Copy(image.Fresh, "cut");
        using FileDevice source = FileDevice.Open(image.Path);
        using FileDevice target = FileDevice.Open(cut, writable: true);
        XfsSuperblock super = XfsSuperblock.Read(target);
        var content = new byte[end * LogBlocks.BlockSize];
        new LogBlocks(source, super).Read(0, content);
        new LogBlocks(target, super).Write(0, content);
        return cut;
    }
}
