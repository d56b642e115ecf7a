using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using V2V.FileSystems.Ext;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Small images that the kernel wrote (tests/fixtures/ext/make.sh): what can be told without any tool.</summary>
public class ExtFixtureTests
{
    private static readonly FileMetadata s_metadata = new(0x1A4, 1000, 70000, new DateTimeOffset(2031, 2, 3, 4, 5, 6, TimeSpan.Zero));

    public static TheoryData<string, string> Images => new()
    {
        { "ext2", "ext2" }, { "ext3", "ext3" }, { "ext4", "ext4" }, { "inline", "ext4" }, { "bigalloc", "ext4" },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public void IsRead(string name, string type)
    {
        using ExtFileSystem fileSystem = ExtFileSystem.Open(Load(name), writable: false);
        Assert.Equal(type, fileSystem.Type);
        Assert.Equal(name + ".raw", fileSystem.Label);
        Assert.Equal("00112233-4455-6677-8899-aabbccddeeff", fileSystem.Uuid);
        Assert.False(fileSystem.CanWrite);
        AssertTree(fileSystem);
        Assert.Null(fileSystem.TryGetEntry("/missing"));
        Assert.Null(fileSystem.TryGetEntry("/etc/hostname/below"));
        Assert.Equal("GuestFileNotFound", Assert.Throws<V2VException>(() => fileSystem.OpenRead("/missing")).ErrorId);
        Assert.Equal("GuestPathInvalid", Assert.Throws<V2VException>(() => fileSystem.OpenRead("/etc/../x")).ErrorId);
        Assert.Equal("GuestNotFile", Assert.Throws<V2VException>(() => fileSystem.OpenRead("/etc")).ErrorId);
        Assert.Equal("FileSystemReadOnly", Assert.Throws<V2VException>(() => fileSystem.Delete("/sparse")).ErrorId);
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void IsWrittenAndReadAgain(string name, string type)
    {
        MemoryDevice device = Load(name);
        byte[] content = HostTree.Bytes(new Random(3), 300_000);
        long free;
        using (ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: true))
        {
            Assert.Equal(type, fileSystem.Type);
            free = fileSystem.FreeBytes;
            fileSystem.CreateDirectory("/new", s_metadata);
            fileSystem.WriteAllBytes("/new/content", content, s_metadata);
            fileSystem.SetExtendedAttribute("/new/content", "security.selinux", "label"u8);
            fileSystem.CreateSymbolicLink("/new/link", new string('t', 300), s_metadata);
            fileSystem.CreateHardLink("/new/content", "/many/hard");
            fileSystem.Rename("/new", "/etc/renamed");
            Assert.Equal("GuestFileExists", Assert.Throws<V2VException>(() => fileSystem.CreateFile("/etc/hostname", s_metadata)).ErrorId);
            Assert.Equal("GuestDirectoryNotEmpty", Assert.Throws<V2VException>(() => fileSystem.Delete("/etc")).ErrorId);
            Assert.Equal("GuestPathInvalid", Assert.Throws<V2VException>(() => fileSystem.Rename("/etc", "/etc/renamed/below")).ErrorId);
        }

        using (ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: true))
        {
            AssertTree(fileSystem, links: ["/many/hard"]);
            Assert.Equal(content, fileSystem.ReadAllBytes("/etc/renamed/content"));
            FileEntry entry = fileSystem.TryGetEntry("/many/hard")!;
            Assert.Equal((300_000, 0x1A4, 1000u, 70000u, 2), (entry.Length, entry.Mode, entry.Uid, entry.Gid, entry.LinkCount));
            Assert.Equal("label"u8.ToArray(), fileSystem.GetExtendedAttribute("/many/hard", "security.selinux"));
            Assert.Equal(new string('t', 300), fileSystem.ReadLink("/etc/renamed/link"));
            foreach (string path in (string[])["/many/hard", "/etc/renamed/content", "/etc/renamed/link", "/etc/renamed"])
            {
                fileSystem.Delete(path);
            }

            Assert.InRange(fileSystem.FreeBytes, free - (8 * fileSystem.BlockSize), free);
        }

        using ExtFileSystem again = ExtFileSystem.Open(device, writable: false);
        AssertTree(again);
        Assert.Equal(again.FreeBytes, again.GetFreeExtents().Sum(e => e.Length));
    }

    [Fact]
    public void OpenFilesAreNotDeleted()
    {
        using ExtFileSystem fileSystem = ExtFileSystem.Open(Load("ext4"), writable: true);
        using (fileSystem.OpenRead("/sparse"))
        {
            Assert.Equal("GuestFileInUse", Assert.Throws<V2VException>(() => fileSystem.Delete("/sparse")).ErrorId);
        }

        fileSystem.Delete("/sparse");
    }

    private static void AssertTree(ExtFileSystem fileSystem, string[]? links = null)
    {
        FileEntry host = fileSystem.TryGetEntry("/etc/hostname")!;
        Assert.Equal((8L, 0x1A0, 1000u, 70000u, 2), (host.Length, host.Mode, host.Uid, host.Gid, host.LinkCount));
        Assert.Equal(host.FileId, fileSystem.TryGetEntry("/etc/hostname.link")!.FileId);
        Assert.Equal("fixture\n", Encoding.UTF8.GetString(fileSystem.ReadAllBytes("/etc/hostname")));
        Assert.Equal(["user.note"], fileSystem.ListExtendedAttributes("/etc/hostname"));
        Assert.Equal("kept"u8.ToArray(), fileSystem.GetExtendedAttribute("/etc/hostname", "user.note"));
        Assert.Equal("hostname", fileSystem.ReadLink("/etc/short"));
        Assert.Equal(new string('0', 100), fileSystem.ReadLink("/etc/long"));
        Assert.Equal(100 + (links?.Length ?? 0), fileSystem.EnumerateDirectory("/many").Count());
        for (int i = 0; i < 100; i++)
        {
            string text = i.ToString(CultureInfo.InvariantCulture);
            Assert.Equal(text, Encoding.UTF8.GetString(fileSystem.ReadAllBytes("/many/a-name-of-some-length-" + text)));
        }

        byte[] sparse = fileSystem.ReadAllBytes("/sparse");
        Assert.Equal(1_000_003, sparse.Length);
        Assert.False(sparse.AsSpan(0, 1_000_000).ContainsAnyExcept((byte)0));
        Assert.True(sparse.AsSpan(1_000_000).SequenceEqual("end"u8));
        FileEntry device = fileSystem.TryGetEntry("/null")!;
        Assert.Equal((GuestFileType.CharacterDevice, 1u, 3u), (device.Type, device.DeviceMajor, device.DeviceMinor));
    }

    private static MemoryDevice Load(string name, [CallerFilePath] string here = "")
    {
        string path = Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "fixtures", "ext", name + ".raw.gz");
        using var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        var image = new MemoryStream();
        stream.CopyTo(image);
        return new MemoryDevice(image.ToArray());
    }
}
