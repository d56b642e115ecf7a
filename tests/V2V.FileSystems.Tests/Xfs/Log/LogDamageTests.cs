using System.Text;
using V2V.FileSystems.Tests.Probe;
using V2V.FileSystems.Xfs;
using V2V.FileSystems.Xfs.Log;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs.Log;

/// <summary>A committed image with a dirty log that the kernel left behind, whole and damaged.</summary>
public sealed class LogDamageTests
{
    private const string Image = "xfs-dirty.img";

    [Fact]
    public void The_guest_sees_what_the_log_holds()
    {
        MemoryDevice device = VolumeFixture.Open(Image);
        Assert.False(XfsLog.IsClean(device, XfsSuperblock.Read(device)));
        using (XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: true))
        {
            AssertTree(fileSystem);
        }

        Assert.True(XfsLog.IsClean(device, XfsSuperblock.Read(device)));
        using XfsFileSystem again = XfsFileSystem.Open(device, writable: false);
        AssertTree(again);
    }

    [Fact]
    public void Reading_replays_in_memory_only()
    {
        MemoryDevice device = VolumeFixture.Open(Image);
        byte[] before = device.Span.ToArray();
        using (XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: false))
        {
            AssertTree(fileSystem);
        }

        Assert.True(device.Span.SequenceEqual(before));
    }

    [Fact]
    public void What_is_replayed_is_not_newer_than_the_log()
    {
        MemoryDevice device = VolumeFixture.Open(Image);
        XfsSuperblock super = XfsSuperblock.Read(device);
        XfsFileSystem.Open(device, writable: true).Dispose();

        LogPosition after = new LogLocator(new LogBlocks(device, super)).Locate(verify: true);

        Assert.True(after.IsClean);
        Assert.True(XfsSuperblock.Read(device).Lsn < (((ulong)after.Cycle << 32) | (uint)after.Head));
        var root = new byte[super.InodeSize];
        device.Read(super.OffsetOf(super.RootInode >> super.InodesPerBlockLog), root);
        Assert.InRange(Be.U64(root, InodeLayout.Lsn), 1UL << 32, ((ulong)after.Cycle << 32) | (uint)after.LastRecord);
    }

    [Theory]
    [InlineData(false, 400)]
    [InlineData(true, 600)]
    public void Damaged_logs_give_our_errors_only(bool withChecksums, int rounds)
    {
        byte[] original = VolumeFixture.Read(Image);
        var device = new MemoryDevice(original.AsSpan().ToArray());
        XfsSuperblock super = XfsSuperblock.Read(device);
        var log = new LogBlocks(device, super);
        LogPosition position = new LogLocator(log).Locate(verify: true);
        int start = (int)super.OffsetOf(super.LogStart);
        var random = new Random(withChecksums ? 41 : 42);
        int refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            original.CopyTo(device.Span);
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                int block = random.Next(random.Next(4) == 0 ? position.Head + 2 : 12);
                device.Span[start + (block * LogBlocks.BlockSize) + random.Next(random.Next(2) == 0 ? 64 : LogBlocks.BlockSize)] = (byte)random.Next(256);
            }

            if (withChecksums)
            {
                Restamp(device, log, position);
            }

            try
            {
                XfsFileSystem.Open(new CopyOnWriteDevice(device), writable: true).Dispose();
            }
            catch (V2VException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, rounds - 1);
    }

    [Fact]
    public void Damage_that_is_accepted_leaves_what_xfs_repair_accepts()
    {
        Tool.Require("xfs_repair");
        byte[] original = VolumeFixture.Read(Image);
        var random = new Random(5);
        using var temporary = new TemporaryDirectory();
        string image = temporary.File("image");
        int accepted = 0;
        for (int round = 0; round < 60 && accepted < 8; round++)
        {
            File.WriteAllBytes(image, original);
            using (FileDevice device = FileDevice.Open(image, writable: true))
            {
                XfsSuperblock super = XfsSuperblock.Read(device);
                var noise = new byte[8];
                random.NextBytes(noise);
                device.Write(super.OffsetOf(super.LogStart) + random.Next(80 * LogBlocks.BlockSize), noise);
                try
                {
                    XfsFileSystem.Open(device, writable: true).Dispose();
                }
                catch (V2VException)
                {
                    continue;
                }
            }

            accepted++;
            (int exitCode, string output) = Tool.TryRun("xfs_repair", "-n", "-o", "force_geometry", image);
            Assert.True(exitCode == 0, output);
        }

        Assert.True(accepted > 0);
    }

    /// <summary>Types of items that newer kernels write, each refused by name: exchanges, logged attributes, what is for real-time groups, and what nobody knows yet.</summary>
    [Theory]
    [InlineData(0x1246, "XfsLogIntentUnsupported", "(ATTRI)")]
    [InlineData(0x1248, "XfsLogIntentUnsupported", "(XMI)")]
    [InlineData(0x124A, "XfsLogUnsupported", "(EFI_RT)")]
    [InlineData(0x124B, "XfsLogUnsupported", "(EFD_RT)")]
    [InlineData(0x124C, "XfsLogUnsupported", "(RUI_RT)")]
    [InlineData(0x124D, "XfsLogUnsupported", "(RUD_RT)")]
    [InlineData(0x124E, "XfsLogUnsupported", "(CUI_RT)")]
    [InlineData(0x124F, "XfsLogUnsupported", "(CUD_RT)")]
    [InlineData(0x1250, "XfsLogUnsupported", "0x1250")]
    public void Items_of_newer_kernels_are_refused_by_name(int type, string errorId, string name)
    {
        MemoryDevice device = VolumeFixture.Open(Image);
        XfsSuperblock super = XfsSuperblock.Read(device);
        var log = new LogBlocks(device, super);
        LogPosition position = new LogLocator(log).Locate(verify: true);
        Span<byte> content = device.Span[(int)super.OffsetOf(super.LogStart)..][..(position.Head * LogBlocks.BlockSize)];

        // The first item that frees extents, with its completion elsewhere, or else an inode: no kernel here writes what is asked for.
        int at = content.LastIndexOf((ReadOnlySpan<byte>)[0x36, 0x12, 1, 0]);
        at = at >= 0 ? at : content.LastIndexOf((ReadOnlySpan<byte>)[0x3B, 0x12, 2, 0]);
        Assert.True(at > 0);
        BitConverter.TryWriteBytes(content[at..], (ushort)type);
        Restamp(device, log, position);

        V2VException error = Assert.Throws<V2VException>(() => XfsFileSystem.Open(device, writable: true));
        Assert.Equal(errorId, error.ErrorId);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Gives every record the checksum that fits its damage, so that the damage is met behind it.</summary>
    private static void Restamp(MemoryDevice device, LogBlocks log, LogPosition position)
    {
        var raw = new byte[LogBlocks.BlockSize];
        for (int block = position.Tail; block < position.Head; block++)
        {
            log.Read(block, raw);
            if (!RecordHeader.HasMagic(raw))
            {
                continue;
            }

            RecordHeader header = RecordHeader.Read(raw);
            if (!header.IsValid(log) || block + 1 + header.ContentBlocks > log.Count)
            {
                continue;
            }

            int headerBlocks = header.HeaderBlocks(log);
            var record = new byte[(headerBlocks + header.ContentBlocks) * LogBlocks.BlockSize];
            log.Read(block, record);
            uint crc = RecordChecksum.Compute(record, RecordHeader.ChecksumSize, headerBlocks, header.Length);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(RecordHeader.CrcOffset), crc);
            log.Write(block, raw);
        }

        Assert.True(device.Length > 0);
    }

    private static void AssertTree(XfsFileSystem fileSystem)
    {
        Assert.Equal("kept in the log\n", Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/kept")));
        Assert.Equal("kept in the log\n", Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/shared")));
        Assert.Equal("kept too", Encoding.ASCII.GetString(fileSystem.GetExtendedAttribute("/kept", "user.note")!));
        Assert.Equal("kept", fileSystem.ReadLink("/link"));
        Assert.Equal(90, fileSystem.EnumerateDirectory("/many").Count());
        Assert.Null(fileSystem.TryGetEntry("/gone"));
        Assert.Null(fileSystem.TryGetEntry("/open"));
    }
}
