using V2V.FileSystems.Ntfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>The indexes in $Extend after our writes: object ids and reparse points that ntfs-3g made, quotas as Windows flags them.</summary>
public sealed class NtfsExtendTests
{
    private const uint DefaultsId = 1;

    [Fact]
    public void Object_ids_and_reparse_points_leave_their_indexes_with_their_files()
    {
        Tool.Require("setfattr", "getfattr");
        string[] names = ["deleted", "renamed", "grown", "shrunk", "last"];
        using var image = new NtfsImage("-c 4096", 64 << 20);
        image.WithMount("rw", root =>
        {
            foreach ((string name, int index) in names.Select((n, i) => (n, i)))
            {
                File.WriteAllBytes(Path.Combine(root, name), new byte[5000]);
                SetObjectId(root, name, index);
                File.WriteAllBytes(Path.Combine(root, "point-" + name), []);
                Tool.Run("setfattr", "-n", "system.ntfs_reparse_data", "-v", "0x" + Convert.ToHexString(Point(index)), Path.Combine(root, "point-" + name));
            }
        });
        Assert.Equal(5, Count(image, "$ObjId", "$O"));
        Assert.Equal(5, Count(image, "$Reparse", "$R"));
        image.Write(fileSystem =>
        {
            fileSystem.Delete("/deleted");
            fileSystem.Rename("/renamed", "/moved");
            Rewrite(fileSystem, "/grown", 200_000);
            Rewrite(fileSystem, "/shrunk", 10);
            fileSystem.Delete("/point-deleted");
            fileSystem.Rename("/point-renamed", "/point-moved");
        });
        image.AssertClean();
        Assert.Equal(4, Count(image, "$ObjId", "$O"));
        Assert.Equal(4, Count(image, "$Reparse", "$R"));
        image.Read(fileSystem =>
        {
            foreach (IndexEntry entry in Entries(fileSystem.Device, "$ObjId", "$O"))
            {
                FileRecord file = new NtfsVolume(fileSystem.Device).Mft.Get(ReadUInt64LittleEndian(entry.Data));
                Assert.True(file.Find(AttributeType.ObjectId)!.Value.AsSpan(0, 16).SequenceEqual(entry.Key));
            }
        });

        // ntfs-3g refuses an id that its index still has, and finds those that it has.
        image.WithMount("rw", root =>
        {
            File.WriteAllBytes(Path.Combine(root, "new"), []);
            Assert.NotEqual(0, TrySetObjectId(root, "new", 1));
            SetObjectId(root, "new", 0);
            foreach ((string name, int index) in new[] { ("moved", 1), ("grown", 2), ("shrunk", 3), ("last", 4) })
            {
                string id = Tool.Run("getfattr", "-n", "system.ntfs_object_id", "-e", "hex", "--only-values", "--absolute-names", Path.Combine(root, name));
                Assert.NotEmpty(id);
                Assert.NotEqual(0, TrySetObjectId(root, "new", index));
            }
        });
        Assert.Equal(5, Count(image, "$ObjId", "$O"));
        image.AssertClean();
    }

    [Theory]
    [InlineData(0x10u, 0x210u)]
    [InlineData(0x31u, 0x231u)]
    [InlineData(0x1u, 0x1u)]
    [InlineData(0x210u, 0x210u)]
    public void Quotas_that_Windows_counts_are_out_of_date_after_a_write(uint before, uint after)
    {
        using var image = new NtfsImage("-c 4096", 64 << 20);
        using (FileDevice device = FileDevice.Open(image.Path, writable: true))
        {
            var volume = new NtfsVolume(device);
            IndexTree index = Open(volume, "$Quota", "$Q");
            byte[] data = Defaults(index).Data.ToArray();
            WriteUInt32LittleEndian(data.AsSpan(4), before);
            byte[] key = Defaults(index).Key.ToArray();
            index.Remove(key);
            index.Insert(IndexEntry.ForView(key, data));
            volume.Flush();
        }

        image.Write(fileSystem => fileSystem.WriteAllBytes("/file", new byte[100], NtfsImage.Metadata));
        image.AssertClean();
        using FileDevice result = FileDevice.Open(image.Path);
        Assert.Equal(after, ReadUInt32LittleEndian(Defaults(Open(new NtfsVolume(result), "$Quota", "$Q")).Data[4..]));
    }

    /// <summary>Readers of the journal compare its id, and begin at the lowest number that is valid: [MS-FSCC] 2.4.1 and USN_JOURNAL_DATA.</summary>
    [Fact]
    public void The_change_journal_gets_a_new_id_and_keeps_the_rest()
    {
        const ulong Id = 0x01D9ABCDEF012345;
        using var image = new NtfsImage("-c 4096", 32 << 20);
        var limits = new byte[32];
        WriteUInt64LittleEndian(limits, 32 << 20);
        WriteUInt64LittleEndian(limits.AsSpan(8), 8 << 20);
        WriteUInt64LittleEndian(limits.AsSpan(16), Id);
        var records = new byte[70_000];
        new Random(7).NextBytes(records);
        image.WithMount("rw,streams_interface=windows", root =>
        {
            File.WriteAllBytes(Path.Combine(root, "$UsnJrnl"), []);
            File.WriteAllBytes(Path.Combine(root, "$UsnJrnl:$Max"), limits);
            File.WriteAllBytes(Path.Combine(root, "$UsnJrnl:$J"), records);
        });
        MoveToExtend(image, "$UsnJrnl");
        image.AssertClean();
        Assert.Equal(limits, Journal(image, "$Max"));
        image.Write(fileSystem => fileSystem.TryGetEntry("/nothing is written"));
        Assert.Equal(limits, Journal(image, "$Max"));

        long before = DateTime.UtcNow.ToFileTimeUtc();
        image.Write(fileSystem => fileSystem.WriteAllBytes("/file", new byte[100], NtfsImage.Metadata));
        image.AssertClean();
        byte[] after = Journal(image, "$Max");
        Assert.Equal(limits[..16], after[..16]);
        Assert.InRange(ReadInt64LittleEndian(after.AsSpan(16)), before, DateTime.UtcNow.ToFileTimeUtc());
        Assert.Equal(records.Length, ReadInt64LittleEndian(after.AsSpan(24)));
        Assert.Equal(records, Journal(image, "$J"));
    }

    /// <summary>What a reparse point stands for is replaced where V2V can read it, and left where it cannot.</summary>
    [Fact]
    public void Content_over_a_reparse_point_is_content_or_refused()
    {
        Tool.Require("setfattr", "getfattr");
        using var image = new NtfsImage("-c 4096", 32 << 20);
        image.WithMount("rw", root =>
        {
            File.WriteAllText(Path.Combine(root, "target"), "what the link leads to");
            File.WriteAllBytes(Path.Combine(root, "foreign"), []);
            Tool.Run("setfattr", "-n", "system.ntfs_reparse_data", "-v", "0x" + Convert.ToHexString(Point(1)), Path.Combine(root, "foreign"));
        });
        image.Write(fileSystem =>
        {
            fileSystem.CreateSymbolicLink("/link", "target", NtfsImage.Metadata);
            Assert.Equal("NtfsReparseUnsupported", Assert.Throws<V2VException>(() => fileSystem.WriteAllBytes("/foreign", new byte[10], NtfsImage.Metadata)).ErrorId);
            Assert.Equal("NtfsReparseUnsupported", Assert.Throws<V2VException>(() => fileSystem.ReadAllBytes("/foreign")).ErrorId);
            fileSystem.Delete("/link");
            fileSystem.WriteAllBytes("/link", "a file now"u8, NtfsImage.Metadata);
            fileSystem.Delete("/foreign");
            fileSystem.WriteAllBytes("/foreign", new byte[9000], NtfsImage.Metadata);
        });
        image.AssertClean();
        Assert.Equal(0, Count(image, "$Reparse", "$R"));
        image.WithMount("ro", root =>
        {
            Assert.Equal("a file now", File.ReadAllText(Path.Combine(root, "link")));
            Assert.Equal("what the link leads to", File.ReadAllText(Path.Combine(root, "target")));
            Assert.Equal(new byte[9000], File.ReadAllBytes(Path.Combine(root, "foreign")));
            Assert.NotEqual(0, Tool.TryRun("getfattr", "-n", "system.ntfs_reparse_data", Path.Combine(root, "foreign")).ExitCode);
        });
    }

    private static void MoveToExtend(NtfsImage image, string name)
    {
        using FileDevice device = FileDevice.Open(image.Path, writable: true);
        var volume = new NtfsVolume(device);
        FileRecord root = volume.Mft.Get(NtfsVolume.RootNumber), extend = volume.Mft.Get(NtfsVolume.ExtendNumber);
        FileRecord file = volume.Mft.Get(volume.OpenDirectory(root).FindName(name)!.Value.Reference);
        byte[] key = file.Get(AttributeType.FileName).Value!;
        volume.OpenDirectory(root).Remove(key);
        WriteUInt64LittleEndian(key, extend.Reference);
        volume.OpenDirectory(extend).Insert(IndexEntry.ForFile(file.Reference, key));
        volume.Mft.Save(file);
        volume.Flush();
    }

    private static byte[] Journal(NtfsImage image, string stream)
    {
        byte[] content = [];
        image.WithMount("ro,show_sys_files,streams_interface=windows", root => content = File.ReadAllBytes(Path.Combine(root, "$Extend", "$UsnJrnl:" + stream)));
        return content;
    }

    private static IndexEntry Defaults(IndexTree index) => index.Entries().Single(e => ReadUInt32LittleEndian(e.Key) == DefaultsId);

    private static IndexTree Open(NtfsVolume volume, string file, string index) =>
        new(volume, volume.FindExtend(file)!, index, file == "$Quota" ? IndexCollation.UnsignedInteger : IndexCollation.UnsignedIntegers);

    private static IEnumerable<IndexEntry> Entries(BlockDevice device, string file, string index) => Open(new NtfsVolume(device), file, index).Entries();

    private static int Count(NtfsImage image, string file, string index)
    {
        using FileDevice device = FileDevice.Open(image.Path);
        return Entries(device, file, index).Count();
    }

    private static void Rewrite(NtfsFileSystem fileSystem, string path, int length)
    {
        using Stream stream = fileSystem.OpenWrite(path);
        stream.SetLength(length);
        stream.Write(new byte[length]);
    }

    private static void SetObjectId(string root, string name, int index) => Assert.Equal(0, TrySetObjectId(root, name, index));

    private static int TrySetObjectId(string root, string name, int index) =>
        Tool.TryRun("setfattr", "-n", "system.ntfs_object_id", "-v", "0x" + Convert.ToHexString([.. Enumerable.Repeat((byte)(index + 1), 16)]), Path.Combine(root, name)).ExitCode;

    /// <summary>A reparse point of a kind that is not Microsoft's: its data begins with a GUID.</summary>
    private static byte[] Point(int index)
    {
        var point = new byte[32];
        WriteUInt32LittleEndian(point, (uint)(0x100 + index));
        WriteUInt16LittleEndian(point.AsSpan(4), 8);
        point[8] = 7;
        return point;
    }
}
