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
