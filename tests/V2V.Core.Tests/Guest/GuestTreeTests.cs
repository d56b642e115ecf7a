using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;
using Xunit;

namespace V2V.Core.Tests.Guest;

public class GuestTreeTests
{
    private readonly MemoryFileSystem _root = new MemoryFileSystem()
        .Add("/etc/fstab", "one\ntwo\r\nthree")
        .AddLink("/lib", "usr/lib")
        .AddLink("/vmlinuz", "boot/vmlinuz-6.1")
        .AddLink("/etc/abs", "/usr/lib/os-release")
        .AddLink("/etc/out", "../../../../etc/fstab")
        .AddLink("/etc/mtab", "../proc/self/mounts")
        .AddLink("/loop1", "loop2").AddLink("/loop2", "/loop1")
        .Add("/usr/lib/os-release", "ID=debian\n")
        .Add("/usr/lib/modules/6.1/a.ko", "a")
        .AddDirectory("/boot").AddDirectory("/real/mnt")
        .AddLink("/m", "real/mnt");

    private readonly MemoryFileSystem _boot = new MemoryFileSystem()
        .Add("/vmlinuz-6.1", "kernel").AddLink("/up", "../etc/fstab").AddDirectory("/efi");

    private readonly MemoryFileSystem _esp = new MemoryFileSystem("vfat").Add("/EFI/BOOT/BOOTX64.EFI", "MZ");

    private readonly MemoryFileSystem _other = new MemoryFileSystem().Add("/x", "x");

    private readonly GuestTree _tree;

    public GuestTreeTests() => _tree = new GuestTree(
        new GuestMount("/", _root), new GuestMount("/boot", _boot), new GuestMount("/boot/efi", _esp), new GuestMount("/m", _other));

    [Theory]
    [InlineData("/etc/fstab", "/etc/fstab")]
    [InlineData("//etc/./fstab", "/etc/fstab")]
    [InlineData("/lib/os-release", "/usr/lib/os-release")]
    [InlineData("/lib/../etc/fstab", "/usr/etc/fstab", false)]
    [InlineData("/etc/abs", "/usr/lib/os-release")]
    [InlineData("/etc/out", "/etc/fstab")]
    [InlineData("/../../etc/fstab", "/etc/fstab")]
    [InlineData("/vmlinuz", "/boot/vmlinuz-6.1")]
    [InlineData("/boot/up", "/etc/fstab")]
    [InlineData("/boot/efi/EFI/BOOT/BOOTX64.EFI", "/boot/efi/EFI/BOOT/BOOTX64.EFI")]
    [InlineData("/boot/efi/../vmlinuz-6.1", "/boot/vmlinuz-6.1")]
    [InlineData("/boot/efi/..", "/boot")]
    [InlineData("/m/x", "/real/mnt/x")]
    [InlineData("/", "/")]
    [InlineData("/etc/", "/etc")]
    [InlineData("/loop1", null, false)]
    [InlineData("/loop1/x", null, false)]
    [InlineData("/etc/mtab", null, false)]
    [InlineData("/etc/fstab/x", null, false)]
    [InlineData("/nothing", null, false)]
    public void ResolvesAsTheKernelWould(string path, string? real, bool exists = true)
    {
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(exists ? real : null, _tree.ResolvePath(path));
            Assert.Equal(exists, _tree.Exists(path));
            Assert.Equal(exists ? real : null, _tree.TryGetEntry(path)?.Path);
        }
    }

    [Fact]
    public void LastLinkIsNotFollowedOnRequest()
    {
        Assert.Equal(GuestFileType.SymbolicLink, _tree.TryGetEntry("/lib", followLinks: false)!.Type);
        Assert.Equal(GuestFileType.SymbolicLink, _tree.TryGetEntry("/loop1", followLinks: false)!.Type);
        Assert.Equal("usr/lib", _tree.ReadLink("/lib"));
        Assert.Equal("/usr/lib/modules", _tree.TryGetEntry("/lib/modules", followLinks: false)!.Path);
    }

    [Fact]
    public void ManyLinksEndInAnError()
    {
        for (int i = 0; i < 45; i++)
        {
            _root.AddLink($"/chain/{i}", $"{i + 1}");
        }

        _root.Add("/chain/45", "end");
        Assert.True(_tree.Exists("/chain/6"));
        Assert.False(_tree.Exists("/chain/0"));
        Assert.Equal("GuestLinkLoop", Assert.Throws<V2VException>(() => _tree.OpenRead("/chain/0")).ErrorId);
        Assert.Equal("GuestLinkLoop", Assert.Throws<V2VException>(() => _tree.Locate("/loop1/x")).ErrorId);
    }

    [Fact]
    public void LocateGivesTheFileSystem()
    {
        GuestLocation location = _tree.Locate("/vmlinuz");
        Assert.Same(_boot, location.FileSystem);
        Assert.Equal("/vmlinuz-6.1", location.InnerPath);
        Assert.Equal("/boot/vmlinuz-6.1", location.TreePath);
        Assert.Equal("/boot/new", _tree.Locate("/boot/new").TreePath);
        Assert.Equal("GuestFileNotFound", Assert.Throws<V2VException>(() => _tree.Locate("/no/new")).ErrorId);
        Assert.Equal(["/", "/boot", "/boot/efi", "/real/mnt"], _tree.Mounts.Select(m => m.MountPoint));
    }

    [Fact]
    public void ReadsTextAndLines()
    {
        Assert.Equal(["one", "two", "three"], _tree.ReadLines("/etc/fstab"));
        Assert.Equal("GuestFileTooLarge", Assert.Throws<V2VException>(() => _tree.ReadAllText("/etc/fstab", 3)).ErrorId);
        byte[] latin1 = [0x61, 0xE9, 0x0A, 0xC3, 0xA9, 0xFF];
        _root.Add("/latin1", latin1);
        string text = _tree.ReadAllText("/latin1");
        Assert.Equal("a\uDCE9\né\uDCFF", text);
        _tree.WriteAllText("/latin1", text, new FileMetadata(0x1A4));
        Assert.Equal(latin1, _tree.ReadAllBytes("/latin1"));
    }

    [Fact]
    public void GlobMatchesPerComponent()
    {
        Assert.Equal(["/lib/modules/6.1/a.ko"], _tree.Glob("/lib/modules/*/?.ko"));
        Assert.Equal(["/boot/vmlinuz-6.1"], _tree.Glob("/boot/vmlinuz-*"));
        Assert.Equal(["/boot/efi/EFI/BOOT/BOOTX64.EFI"], _tree.Glob("/boot/efi/EFI/*/BOOT*.EFI"));
        Assert.Empty(_tree.Glob("/etc/fstab/*"));
        Assert.Empty(_tree.Glob("/loop1/*"));
        Assert.Equal(["/etc/mtab"], _tree.Glob("/etc/mt*"));
        _root.Add("/etc/.hidden", "");
        Assert.DoesNotContain("/etc/.hidden", _tree.Glob("/etc/*"));
        Assert.Equal(["/etc/.hidden"], _tree.Glob("/etc/.h*"));
    }

    [Theory]
    [InlineData("abc", "a*c", true)]
    [InlineData("abc", "*", true)]
    [InlineData("abc", "a?c*", true)]
    [InlineData("abc", "a?", false)]
    [InlineData("aXbXc", "a*b*d", false)]
    [InlineData("", "*", true)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*b", false)]
    public void PatternsMatch(string name, string pattern, bool expected) => Assert.Equal(expected, GuestPath.Matches(name, pattern));

    [Fact]
    public void WritesGoWhereTheLinksLead()
    {
        var metadata = new FileMetadata(0x180, 1, 2);
        _tree.WriteAllText("/etc/abs", "changed", metadata);
        Assert.Equal("changed", GuestText.Decode(_root.ReadAllBytes("/usr/lib/os-release")));
        Assert.Equal(GuestFileType.SymbolicLink, _root.TryGetEntry("/etc/abs")!.Type);

        _root.AddDirectory("/proc/self");
        _tree.WriteAllText("/etc/mtab", "made", metadata);
        Assert.Equal("made", GuestText.Decode(_root.ReadAllBytes("/proc/self/mounts")));

        _tree.CreateDirectories("/boot/efi/EFI/a/b", metadata);
        Assert.True(_esp.TryGetEntry("/EFI/a/b")!.IsDirectory);
        _tree.CreateDirectories("/lib/systemd", metadata);
        Assert.True(_root.TryGetEntry("/usr/lib/systemd")!.IsDirectory);
        Assert.Equal("GuestNotDirectory", Assert.Throws<V2VException>(() => _tree.CreateDirectories("/etc/fstab/x", metadata)).ErrorId);

        _tree.SetMetadata("/lib/os-release", metadata);
        Assert.Equal(0x180, _root.TryGetEntry("/usr/lib/os-release")!.Mode);
        _tree.SetExtendedAttribute("/lib/os-release", "user.a", [1]);
        Assert.Equal([1], _root.GetExtendedAttribute("/usr/lib/os-release", "user.a"));
        Assert.Equal(["user.a"], _tree.ListExtendedAttributes("/etc/abs"));
        _tree.RemoveExtendedAttribute("/etc/abs", "user.a");
        Assert.Null(_tree.GetExtendedAttribute("/etc/abs", "user.a"));

        _tree.Flush();
        Assert.Equal((1, 1), (_root.FlushCount, _esp.FlushCount));
    }

    [Fact]
    public void MovedDirectoriesAreSeen()
    {
        Assert.True(_tree.Exists("/lib/modules/6.1/a.ko"));
        _tree.Rename("/usr/lib/modules", "/usr/lib/old");
        Assert.False(_tree.Exists("/lib/modules/6.1/a.ko"));
        Assert.True(_tree.Exists("/lib/old/6.1/a.ko"));
        _tree.Delete("/lib");
        Assert.False(_tree.Exists("/lib/old/6.1/a.ko"));
        Assert.True(_tree.Exists("/usr/lib/old/6.1/a.ko"));
        _tree.CreateSymbolicLink("/lib", "usr/lib/old", new FileMetadata(0x1FF));
        Assert.True(_tree.Exists("/lib/6.1/a.ko"));
    }

    [Fact]
    public void RenameAndLinkStayInOneFileSystem()
    {
        Assert.Equal("GuestCrossDevice", Assert.Throws<V2VException>(() => _tree.Rename("/etc/fstab", "/boot/fstab")).ErrorId);
        Assert.Equal("GuestCrossDevice", Assert.Throws<V2VException>(() => _tree.CreateHardLink("/etc/fstab", "/boot/fstab")).ErrorId);
        Assert.Equal("GuestMountPointBusy", Assert.Throws<V2VException>(() => _tree.Delete("/boot")).ErrorId);
        _tree.CreateHardLink("/etc/fstab", "/etc/fstab2");
        Assert.Equal(_tree.TryGetEntry("/etc/fstab")!.FileId, _tree.TryGetEntry("/etc/fstab2")!.FileId);
    }

    [Fact]
    public void OverlongPathsDoNotExist()
    {
        Assert.False(_tree.Exists("/" + new string('a', 5000)));
        Assert.False(_tree.Exists("/etc\0/fstab"));
        _root.AddLink("/huge", string.Concat(Enumerable.Repeat("lib/../", 1000)));
        Assert.False(_tree.Exists("/huge"));
    }
}
