using V2V.FileSystems.Fat;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>Limits, refusals and details of writing.</summary>
public sealed class FatWriteTests
{
    [Fact]
    public void A_full_root_directory_is_refused_and_the_volume_stays_clean()
    {
        using var image = new FatImage("-F 16 -s 1 -r 32", 8 << 20);
        int created = 0;
        image.Write(fileSystem =>
        {
            V2VException error = Assert.Throws<V2VException>(() =>
            {
                for (; created < 1000; created++)
                {
                    fileSystem.CreateFile($"/name {created} that takes four slots", FatImage.Metadata);
                }
            });
            Assert.Equal("FatRootDirectoryFull", error.ErrorId);
            error = Assert.Throws<V2VException>(() => fileSystem.CreateDirectory("/another directory here", FatImage.Metadata));
            Assert.Equal("FatRootDirectoryFull", error.ErrorId);
            error = Assert.Throws<V2VException>(() => fileSystem.Rename("/name 0 that takes four slots", "/" + new string('n', 200)));
            Assert.Equal("FatRootDirectoryFull", error.ErrorId);
        });
        image.AssertClean();
        Assert.Equal(created, image.ReadWithMtools().Count);
        Assert.Equal(8, created);
    }

    [Theory]
    [InlineData("-F 12", 2 << 20)]
    [InlineData("-F 32 -s 1", 40 << 20)]
    public void A_full_volume_is_refused_and_stays_clean(string options, long length)
    {
        using var image = new FatImage(options, length);
        image.Write(fileSystem =>
        {
            fileSystem.WriteAllBytes("/kept", new byte[12345], FatImage.Metadata);
            fileSystem.CreateFile("/big", FatImage.Metadata);
            long free = fileSystem.FreeBytes;
            using (Stream stream = fileSystem.OpenWrite("/big"))
            {
                Assert.Equal("FatNoSpace", Assert.Throws<V2VException>(() => stream.SetLength(free + 1)).ErrorId);
                stream.SetLength(free);
            }

            Assert.Equal(0, fileSystem.FreeBytes);
            Assert.Equal("FatNoSpace", Assert.Throws<V2VException>(() => fileSystem.CreateDirectory("/dir", FatImage.Metadata)).ErrorId);
        });
        image.AssertClean();
        Assert.Equal(12345, image.ReadWithMtools()["kept"]!.Length);
    }

    [Fact]
    public void Both_tables_and_the_free_count_are_kept()
    {
        using var image = new FatImage("-F 32 -s 1", 40 << 20);
        image.Write(fileSystem => fileSystem.WriteAllBytes("/file", new byte[70_000], FatImage.Metadata));
        byte[] bytes = File.ReadAllBytes(image.Path);
        int reserved = BitConverter.ToUInt16(bytes, 14) * 512;
        int length = BitConverter.ToInt32(bytes, 36) * 512;
        Assert.True(bytes.AsSpan(reserved, length).SequenceEqual(bytes.AsSpan(reserved + length, length)));
        using FileDevice device = FileDevice.Open(image.Path);
        using FatFileSystem fileSystem = FatFileSystem.Open(device, writable: false);
        Assert.Equal(fileSystem.FreeBytes / 512, BitConverter.ToUInt32(bytes, 512 + 488));
    }

    [Fact]
    public void Without_mirroring_only_the_active_table_is_written()
    {
        using var image = new FatImage("-F 32 -s 1", 40 << 20);
        byte[] before = File.ReadAllBytes(image.Path);
        int reserved = BitConverter.ToUInt16(before, 14) * 512;
        int length = BitConverter.ToInt32(before, 36) * 512;
        using (FileDevice device = FileDevice.Open(image.Path, writable: true))
        {
            device.Write(40, [0x81, 0]);
        }

        image.Write(fileSystem => fileSystem.WriteAllBytes("/file", new byte[70_000], FatImage.Metadata));
        byte[] after = File.ReadAllBytes(image.Path);
        Assert.True(before.AsSpan(reserved, length).SequenceEqual(after.AsSpan(reserved, length)));
        Assert.False(before.AsSpan(reserved + length, length).SequenceEqual(after.AsSpan(reserved + length, length)));
    }

    [Fact]
    public void Names_that_cannot_be_stored_are_refused()
    {
        using var image = new FatImage("-F 12", 2 << 20);
        image.Write(fileSystem =>
        {
            foreach (string name in (string[])["a:b", "a*", "trailing.", "trailing ", "tab\there", "a\\b", new string('x', 256), "lone\uDC80"])
            {
                Assert.Equal("FatNameInvalid", Assert.Throws<V2VException>(() => fileSystem.CreateFile("/" + name, FatImage.Metadata)).ErrorId);
            }

            fileSystem.CreateFile("/" + new string('x', 255), FatImage.Metadata);
            Assert.Equal("FatNoSymbolicLinks", Assert.Throws<V2VException>(() => fileSystem.CreateSymbolicLink("/l", "x", FatImage.Metadata)).ErrorId);
            Assert.Equal("FatNoHardLinks", Assert.Throws<V2VException>(() => fileSystem.CreateHardLink("/x", "/l")).ErrorId);
            Assert.Equal("FatNoOwners", Assert.Throws<V2VException>(() => fileSystem.CreateFile("/y", new FileMetadata(0x1A4, 1000))).ErrorId);
            Assert.Equal("GuestFileNotFound", Assert.Throws<V2VException>(() => fileSystem.OpenRead("/none/such")).ErrorId);
            fileSystem.CreateDirectory("/dir", FatImage.Metadata);
            Assert.Equal("GuestPathInvalid", Assert.Throws<V2VException>(() => fileSystem.Rename("/dir", "/DIR/inside")).ErrorId);
            Assert.Equal("GuestNotFile", Assert.Throws<V2VException>(() => fileSystem.OpenRead("/dir")).ErrorId);
            Assert.Equal("GuestFileExists", Assert.Throws<V2VException>(() => fileSystem.CreateFile("/DIR", FatImage.Metadata)).ErrorId);
        });
        image.AssertClean();
    }

    [Fact]
    public void Read_only_file_systems_are_not_written()
    {
        using var image = new FatImage("-F 12", 2 << 20);
        using FileDevice device = FileDevice.Open(image.Path);
        using FatFileSystem fileSystem = FatFileSystem.Open(device, writable: false);
        Assert.Equal("FileSystemReadOnly", Assert.Throws<V2VException>(() => fileSystem.CreateFile("/x", FatImage.Metadata)).ErrorId);
    }

    [Fact]
    public void Metadata_that_fat_has_is_kept()
    {
        using var image = new FatImage("-F 32 -s 1", 40 << 20);
        var time = new DateTimeOffset(2019, 7, 21, 3, 4, 6, TimeSpan.Zero);
        image.Write(fileSystem =>
        {
            fileSystem.CreateFile("/Read Only", new FileMetadata(0x124, 0, 0, time));
            FileEntry entry = fileSystem.TryGetEntry("/read only")!;
            Assert.Equal(("/Read Only", 0x16D, time), (entry.Path, entry.Mode, entry.ModifiedTime));
            fileSystem.SetMetadata("/read only", new FileMetadata(0x1ED, 0, 0, time.AddYears(200)));
            entry = fileSystem.TryGetEntry("/READON~1")!;
            Assert.Equal((0x1ED, 2107), (entry.Mode, entry.ModifiedTime.Year));
        });
        image.AssertClean();
    }

    [Fact]
    public void A_volume_marked_dirty_stays_marked()
    {
        using var image = new FatImage("-F 16 -s 1", 16 << 20);
        using (FileDevice device = FileDevice.Open(image.Path, writable: true))
        {
            device.Write(37, [1]);
        }

        image.Write(fileSystem => fileSystem.WriteAllBytes("/file", new byte[1000], FatImage.Metadata));
        Assert.Contains("Dirty bit is set", Tool.TryRun("fsck.fat", "-n", image.Path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Thousands_of_similar_names_get_different_aliases()
    {
        using var image = new FatImage("-F 32 -s 1", 40 << 20);
        image.Write(fileSystem =>
        {
            fileSystem.CreateDirectory("/many", FatImage.Metadata);
            for (int i = 0; i < 1500; i++)
            {
                fileSystem.CreateFile($"/many/similar name number {i}.text", FatImage.Metadata);
            }
        });
        image.AssertClean();
        Assert.Equal(1501, image.ReadWithMtools().Count);
    }
}
