using System.Globalization;
using System.Text;
using V2V.FileSystems.Ext.Journal;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Journals that the kernel left behind: the image is copied while it is mounted. The judge is e2fsck's own replay.</summary>
public sealed class JournalReplayTests
{
    /// <summary>
    /// Work that fills the log with all it can hold: directories deleted and their blocks used again (revokes), and, where data
    /// is journaled, content that looks like a control block (escapes). The log is small, so that it goes round.
    /// </summary>
    private const string Work = """
        set -e
        work() {
          mkdir -p d$1/e/f
          for i in $(seq 1 40); do printf '\300\073\071\230 %s %s' $1 $i > d$1/e/file-with-a-long-name-$i; ln -s d$1/$i d$1/e/f/link$i; done
          yes "$(printf '\300\073\071\230')" | head -c 20000 > d$1/plain
          printf '\300\073\071\230' > d$1/escape; head -c 8188 /dev/urandom >> d$1/escape
          sync d$1/plain d$1/escape
          if [ $1 -gt 1 ]; then rm -r d$(($1 - 1)); fi
          head -c 200000 /dev/urandom > big$(($1 % 3)); sync big$(($1 % 3))
        }
        cd "$1/mnt"
        for round in $(seq 1 $3); do work $round; done
        sync "$1/mnt/big1"
        cp --sparse=always "$2" "$1/dirty"
        """;

    [Theory]
    [InlineData("-t ext4 -b 1024 -J size=1", "", 3)]
    [InlineData("-t ext4 -b 1024 -J size=1", "", 9)]
    [InlineData("-t ext4 -b 1024 -J size=1", "data=journal", 4)]
    [InlineData("-t ext4 -b 4096 -J size=4", "data=journal", 7)]
    [InlineData("-t ext4 -b 4096 -J size=4", "", 12)]
    [InlineData("-t ext4 -b 4096 -J size=4", "journal_async_commit,data=writeback", 5)]
    [InlineData("-t ext4 -b 1024 -O ^metadata_csum,^64bit -J size=1", "journal_checksum", 6)]
    [InlineData("-t ext4 -b 4096 -O ^metadata_csum,^64bit -J size=4", "journal_async_commit,data=writeback", 6)]
    [InlineData("-t ext4 -b 4096 -O ^metadata_csum,64bit -J size=4", "journal_checksum", 6)]
    [InlineData("-t ext4 -b 1024 -O metadata_csum,^64bit -J size=1", "data=journal", 6)]
    [InlineData("-t ext3 -b 1024 -J size=1", "data=journal", 5)]
    [InlineData("-t ext3 -b 2048 -J size=2", "", 8)]
    [InlineData("-t ext3 -b 4096 -J size=4", "data=ordered,barrier=0", 4)]
    [InlineData("-t ext4 -b 4096 -O fast_commit -J size=8", "data=journal", 4)]
    public void Replay_writes_what_e2fsck_writes(string makeOptions, string mountOptions, int rounds)
    {
        Tool.RequireRoot();
        Tool.Require("mke2fs", "e2fsck", "debugfs", "mount", "umount", "sh");
        using var temporary = new TemporaryDirectory();
        MakeDirtyImage(temporary, makeOptions, mountOptions, rounds);
        string ours = temporary.File("ours");
        File.Copy(temporary.File("dirty"), ours);

        JournalReplayResult result = Replay(ours);

        (int exitCode, string output) = Tool.TryRun("e2fsck", "-y", "-E", "journal_only", temporary.File("dirty"));
        Assert.True(exitCode is 0 or 1, output);
        Assert.Contains("recovering journal", output, StringComparison.Ordinal);
        Assert.True(result.Transactions > 0 && result.Blocks > 0);
        Assert.True(result.RevokedBlocks > 0 || rounds < 8);
        Assert.False(result.HadError);
        AssertSame(temporary.File("dirty"), ours);
    }

    [Fact]
    public void A_torn_transaction_is_left_out_as_e2fsck_leaves_it_out()
    {
        Tool.RequireRoot();
        Tool.Require("mke2fs", "e2fsck", "debugfs", "mount", "umount", "sh");
        using var temporary = new TemporaryDirectory();
        MakeDirtyImage(temporary, "-t ext4 -b 1024 -J size=1", "", 5);
        string dirty = temporary.File("dirty");
        int accepted = 0;
        var random = new Random(7);
        foreach (long block in JournalMap(dirty).Select(extent => extent.PhysicalBlock).Skip(1).Where((_, index) => index % 41 == 0))
        {
            string theirs = temporary.File("theirs");
            string ours = temporary.File("ours");
            File.Copy(dirty, theirs, overwrite: true);
            using (FileDevice device = FileDevice.Open(theirs, writable: true))
            {
                var noise = new byte[64];
                random.NextBytes(noise);
                device.Write((block * 1024) + (random.Next(2) * 16), noise);
            }

            File.Copy(theirs, ours, overwrite: true);
            (int exitCode, string output) = Tool.TryRun("e2fsck", "-y", "-E", "journal_only", theirs);
            V2VException? refused = null;
            try
            {
                Replay(ours);
            }
            catch (V2VException e)
            {
                refused = e;
            }

            bool theyRefuse = exitCode is not (0 or 1) || output.Contains("corrupt", StringComparison.OrdinalIgnoreCase)
                || output.Contains("checksum error", StringComparison.Ordinal);
            Assert.True(theyRefuse == refused is not null, $"block {block}: {refused?.Message}\n{output}");
            if (refused is null)
            {
                AssertSame(theirs, ours);
                accepted++;
            }
        }

        Assert.True(accepted > 3);
    }

    private static void MakeDirtyImage(TemporaryDirectory temporary, string makeOptions, string mountOptions, int rounds)
    {
        string image = temporary.File("image");
        Tool.Run("mke2fs", ["-q", "-F", .. makeOptions.Split(' '), image, "24M"]);
        using var mount = new LoopMount(image, temporary.File("mnt"), "loop" + (mountOptions.Length > 0 ? "," : "") + mountOptions);
        Tool.Run("sh", "-c", Work, "work", temporary.Path, image, rounds.ToString(CultureInfo.InvariantCulture));
    }

    private static JournalReplayResult Replay(string image)
    {
        using FileDevice device = FileDevice.Open(image, writable: true);
        return JournalReplay.Replay(device, BlockSize(image), JournalMap(image), "image");
    }

    private static int BlockSize(string image)
    {
        using FileDevice device = FileDevice.Open(image);
        var field = new byte[4];
        device.Read(1024 + 0x18, field);
        return 1024 << field[0];
    }

    /// <summary>The blocks of inode 8 as debugfs maps them.</summary>
    private static List<(long LogicalBlock, long PhysicalBlock, int Count)> JournalMap(string image)
    {
        string text = Tool.Run("debugfs", "-R", "stat <8>", image);
        int at = text.IndexOf("Size: ", StringComparison.Ordinal) + 6;
        long blocks = long.Parse(text[at..].Split('\n', ' ')[0], CultureInfo.InvariantCulture) / BlockSize(image);
        string commands = image + ".commands";
        var script = new StringBuilder();
        for (long block = 0; block < blocks; block++)
        {
            script.Append(CultureInfo.InvariantCulture, $"bmap <8> {block}\n");
        }

        File.WriteAllText(commands, script.ToString());
        long[] found = [.. Tool.Run("debugfs", "-f", commands, image).Split('\n').Where(line => line.Length > 0 && char.IsAsciiDigit(line[0]) && !line.Contains(' ', StringComparison.Ordinal))
            .Select(line => long.Parse(line, CultureInfo.InvariantCulture))];
        Assert.Equal(blocks, found.Length);
        return [.. found.Select((physical, logical) => ((long)logical, physical, 1))];
    }

    /// <summary>
    /// Block by block; of the superblock everything but what e2fsck itself notes there: times, mount state, the
    /// needs_recovery flag (ours to clear by the caller), the count of written kilobytes and the checksum.
    /// </summary>
    private static void AssertSame(string expected, string actual)
    {
        byte[] theirs = File.ReadAllBytes(expected);
        byte[] ours = File.ReadAllBytes(actual);
        foreach ((int start, int length) in ((int, int)[])[(0x2C, 4), (0x30, 4), (0x3A, 2), (0x40, 4), (0x60, 1), (0x178, 8), (0x274, 8), (0x3FC, 4)])
        {
            theirs.AsSpan(1024 + start, length).Clear();
            ours.AsSpan(1024 + start, length).Clear();
        }

        int different = theirs.AsSpan().CommonPrefixLength(ours);
        Assert.True(different == theirs.Length, $"first difference at byte 0x{different:x}");
    }
}
