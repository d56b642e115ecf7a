using System.Buffers.Binary;
using System.Text;
using V2V.FileSystems.Ext;
using V2V.FileSystems.Ext.Journal;
using V2V.FileSystems.Tests.Probe;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>A committed image whose journal the kernel left behind, whole and damaged; and the corpus' journals.</summary>
public sealed class JournalDamageTests
{
    private const int BlockSize = 1024;

    [Fact]
    public void The_guest_sees_what_the_journal_holds()
    {
        using ExtFileSystem fileSystem = ExtFileSystem.Open(VolumeFixture.Open("ext4-dirty.img"), writable: true);

        Assert.Equal("kept in the journal\n", Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/kept")));
        Assert.Equal([0xC0, 0x3B, 0x39, 0x98], fileSystem.ReadAllBytes("/escaped")[..4]);
        Assert.Equal("kept", fileSystem.ReadLink("/link"));
        Assert.Null(fileSystem.TryGetEntry("/gone"));
    }

    [Fact]
    public void Replay_reports_what_it_did_and_leaves_the_journal_empty()
    {
        MemoryDevice device = VolumeFixture.Open("ext4-dirty.img");
        List<(long LogicalBlock, long PhysicalBlock, int Count)> map = FindJournal(device.Span.ToArray());

        JournalReplayResult first = JournalReplay.Replay(device, BlockSize, map);
        byte[] after = device.Span.ToArray();
        JournalReplayResult second = JournalReplay.Replay(device, BlockSize, map);

        Assert.True(first.Transactions == 2 && first.Blocks > 10 && !first.HadError, first.ToString());
        Assert.Equal(default, second);
        int super = (int)map[0].PhysicalBlock * BlockSize;
        after.AsSpan(super, BlockSize).Clear();
        device.Span.Slice(super, BlockSize).Clear();
        Assert.True(after.AsSpan().SequenceEqual(device.Span));
    }

    [Fact]
    public void Damaged_journals_give_our_errors_only()
    {
        byte[] original = VolumeFixture.Read("ext4-dirty.img");
        List<(long LogicalBlock, long PhysicalBlock, int Count)> map = FindJournal(original);
        int start = (int)map[0].PhysicalBlock * BlockSize;
        var random = new Random(23);
        int refused = 0;
        for (int round = 0; round < 1000; round++)
        {
            byte[] bytes = original.AsSpan().ToArray();
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                // Mostly the superblock and the heads of the first blocks, where the structure is.
                int block = random.Next(3) == 0 ? 0 : random.Next(60);
                bytes[OffsetOf(map, block) + random.Next(random.Next(2) == 0 ? 64 : BlockSize)] = (byte)random.Next(256);
            }

            if (random.Next(2) == 0)
            {
                // Without checksums more of the damage gets past the superblock.
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(start + 0x28), (uint)random.Next(8));
            }

            try
            {
                JournalReplay.Replay(new MemoryDevice(bytes), BlockSize, map);
            }
            catch (V2VException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, 999);
    }

    [Fact]
    public void A_log_without_an_end_ends()
    {
        byte[] bytes = VolumeFixture.Read("ext4-dirty.img");
        List<(long LogicalBlock, long PhysicalBlock, int Count)> map = FindJournal(bytes);
        int start = (int)map[0].PhysicalBlock * BlockSize;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(start + 0x28), 1);
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(start + 0x18));
        for (int block = 1; block < 1024; block++)
        {
            Span<byte> revoke = bytes.AsSpan(OffsetOf(map, block), BlockSize);
            BinaryPrimitives.WriteUInt32BigEndian(revoke, JournalSuperblock.Magic);
            BinaryPrimitives.WriteUInt32BigEndian(revoke[4..], 5);
            BinaryPrimitives.WriteUInt32BigEndian(revoke[8..], sequence);
            BinaryPrimitives.WriteUInt32BigEndian(revoke[12..], BlockSize);
        }

        Assert.Equal(0, JournalReplay.Replay(new MemoryDevice(bytes), BlockSize, map).Transactions);
    }

    [Theory]
    [InlineData("j_corrupt_commit_tid", "gzip", null)]
    [InlineData("j_corrupt_revoke_block", "gzip", null)]
    [InlineData("j_recover_csum2_32bit", "bzip2", null)]
    [InlineData("j_corrupt_revoke_rcount", "gzip", "ExtJournalCorrupt")]
    [InlineData("j_corrupt_sb_csum", "gzip", "ExtJournalCorrupt")]
    [InlineData("j_corrupt_sb_magic", "gzip", "ExtJournalCorrupt")]
    public void The_corpus_journals_are_replayed_or_refused(string name, string program, string? errorId)
    {
        Tool.Require(program, "sh", "e2fsck");
        string folder = Corpus.Require("fs-ext/e2fsprogs/" + name);
        using var temporary = new TemporaryDirectory();
        string image = temporary.File("image");
        Tool.Run("sh", "-c", $"{program} -dc '{Directory.GetFiles(folder, "image.*")[0]}' > '{image}'");
        using (FileDevice device = FileDevice.Open(image, writable: true))
        {
            if (errorId is not null)
            {
                Assert.Equal(errorId, Assert.Throws<V2VException>(() => ExtFileSystem.Open(device, writable: true)).ErrorId);
                return;
            }

            using ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: false);
            Assert.NotNull(fileSystem.TryGetEntry("/lost+found"));
        }
    }

    /// <summary>Where inode 8 of the fixture lies.</summary>
    private static List<(long LogicalBlock, long PhysicalBlock, int Count)> FindJournal(byte[] image)
    {
        var device = new MemoryDevice(image.AsSpan().ToArray());
        Superblock super = Superblock.Read(device);
        var volume = new ExtVolume(device, super);
        Inode journal = volume.Inodes.Get(super.JournalInode);
        return [.. volume.Inodes.MapOf(journal).Runs(0, journal.Size / BlockSize).Select(run => (run.Logical, run.Physical, (int)run.Count))];
    }

    /// <summary>Byte offset of a block of the journal.</summary>
    private static int OffsetOf(List<(long LogicalBlock, long PhysicalBlock, int Count)> map, int block)
    {
        (long logical, long physical, _) = map.FindLast(run => run.LogicalBlock <= block);
        return (int)(physical + block - logical) * BlockSize;
    }
}
