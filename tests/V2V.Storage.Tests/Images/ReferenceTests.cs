using V2V.Storage.Images;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Images;

/// <summary>Which files an image may reach, and chains that do not end.</summary>
public class ReferenceTests
{
    [Theory]
    [InlineData("../secret.raw")]
    [InlineData("sub/../../secret.raw")]
    [InlineData("..\\secret.raw")]
    [InlineData("link.raw")]
    [InlineData("linked/secret.raw")]
    [InlineData("")]
    public void NamesDoNotLeadOutOfTheFolder(string name)
    {
        using var folder = new TemporaryDirectory();
        string inner = folder.File("inner");
        Directory.CreateDirectory(Path.Combine(inner, "sub"));
        File.WriteAllText(folder.File("secret.raw"), "secret");
        if (!OperatingSystem.IsWindows())
        {
            File.CreateSymbolicLink(Path.Combine(inner, "link.raw"), folder.File("secret.raw"));
            Directory.CreateSymbolicLink(Path.Combine(inner, "linked"), folder.Path);
        }

        var resolver = new HostFileResolver(inner, allowAbsolute: false);
        string errorId = Assert.Throws<V2VException>(() => resolver.Open(name)).ErrorId;
        Assert.True(errorId == "ImageFileForbidden" || (OperatingSystem.IsWindows() && errorId == "ImageFileNotFound"), errorId);
    }

    [Fact]
    public void AbsoluteNamesAreLookedForBesideTheImage()
    {
        using var folder = new TemporaryDirectory();
        string inner = folder.File("inner");
        Directory.CreateDirectory(inner);
        File.WriteAllText(folder.File("outside.raw"), "outside");
        File.WriteAllText(Path.Combine(inner, "beside.raw"), "beside");
        var resolver = new HostFileResolver(inner, allowAbsolute: false);
        Assert.Equal("ImageFileNotFound", Assert.Throws<V2VException>(() => resolver.Open(folder.File("outside.raw"))).ErrorId);
        foreach (string name in (string[])["/vmfs/volumes/x/beside.raw", "C:\\machines\\beside.raw", "./beside.raw", "beside.raw"])
        {
            using BlockDevice device = resolver.Open(name).Device;
            Assert.Equal(6, device.Length);
        }

        using BlockDevice allowed = new HostFileResolver(inner, allowAbsolute: true).Open(folder.File("outside.raw")).Device;
        Assert.Equal(7, allowed.Length);
    }

    [Fact]
    public void MembersOfAnArchiveAreAllThereIs()
    {
        var resolver = new MemberResolver("x.ova", name => name == "a.vmdk" ? new MemoryDevice(512) : null);
        using BlockDevice device = resolver.Open("./a.vmdk").Device;
        Assert.Equal(512, device.Length);
        Assert.Equal("ImageFileNotFound", Assert.Throws<V2VException>(() => resolver.Open("/etc/passwd")).ErrorId);
    }

    [Fact]
    public void LoopOfBackingFilesIsRefused()
    {
        using var folder = new TemporaryDirectory();
        string[] names = [folder.File("a.qcow2"), folder.File("b.qcow2"), folder.File("c.qcow2")];
        for (int i = 0; i < names.Length; i++)
        {
            Qcow2Image.CreateOverlay(names[i], 1 << 20, names[(i + 1) % names.Length], "qcow2", new ZeroDevice(1 << 20)).Dispose();
        }

        Assert.Equal("ImageReferenceLoop", Assert.Throws<V2VException>(() => DiskImage.Open(names[0])).ErrorId);
    }

    [Fact]
    public void ChainOf64ImagesOpensAndALongerOneDoesNot()
    {
        using var folder = new TemporaryDirectory();
        for (int i = 0; i < 70; i++)
        {
            string next = folder.File($"{i + 1}.qcow2");
            (i == 69
                ? Qcow2Image.Create(folder.File($"{i}.qcow2"), 1 << 20)
                : Qcow2Image.CreateOverlay(folder.File($"{i}.qcow2"), 1 << 20, next, "qcow2", new ZeroDevice(1 << 20))).Dispose();
        }

        DiskImage.Open(folder.File("6.qcow2")).Dispose();
        Assert.Equal("ImageChainTooDeep", Assert.Throws<V2VException>(() => DiskImage.Open(folder.File("5.qcow2"))).ErrorId);
    }

    [Theory]
    [InlineData("vmdk", "/var/x.ova", 1536L, 513L, "json:{\"driver\":\"vmdk\",\"file\":{\"driver\":\"raw\",\"offset\":1536,\"size\":1024,\"file\":{\"driver\":\"file\",\"filename\":\"/var/x.ova\"}}}")]
    [InlineData("raw", "/var/x.ova", 1536L, 1024L, "json:{\"driver\":\"raw\",\"offset\":1536,\"size\":1024,\"file\":{\"driver\":\"file\",\"filename\":\"/var/x.ova\"}}")]
    [InlineData("vmdk", "/var/x.vmdk", 0L, null, "/var/x.vmdk")]
    [InlineData("vmdk", "/var/x:y.vmdk", 0L, null, "json:{\"driver\":\"vmdk\",\"file\":{\"driver\":\"file\",\"filename\":\"/var/x:y.vmdk\"}}")]
    [InlineData("vmdk", "C:\\VMs\\a \"b\".ova", 512L, 512L, "json:{\"driver\":\"vmdk\",\"file\":{\"driver\":\"raw\",\"offset\":512,\"size\":512,\"file\":{\"driver\":\"file\",\"filename\":\"C:\\\\VMs\\\\a \\\"b\\\".ova\"}}}")]
    [InlineData("qcow2", "C:\\VMs\\x.qcow2", 0L, null, "C:\\VMs\\x.qcow2")]
    public void ReferencesAreWrittenAndReadBack(string format, string path, long offset, long? size, string expected)
    {
        BackingReference reference = BackingReference.ForImage(format, path, offset, size);
        Assert.Equal(expected, reference.ToString());
        BackingReference parsed = BackingReference.Parse(reference.ToString(), format);
        Assert.Equal(reference, parsed);
        Assert.Equal(format, parsed.Driver);
    }

    [Theory]
    [InlineData("json:{", "BackingReferenceInvalid")]
    [InlineData("json:[]", "BackingReferenceInvalid")]
    [InlineData("json:{\"driver\":\"raw\"}", "BackingReferenceInvalid")]
    [InlineData("json:{\"driver\":\"raw\",\"offset\":-1,\"file\":{\"driver\":\"file\",\"filename\":\"x\"}}", "BackingReferenceInvalid")]
    [InlineData("json:{\"driver\":\"nbd\",\"host\":\"x\"}", "BackingDriverUnsupported")]
    [InlineData("nbd://host/export", "BackingDriverUnsupported")]
    [InlineData("https://host/x.qcow2", "BackingDriverUnsupported")]
    [InlineData("json:{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"x\"}}}}}}}}}", "BackingReferenceInvalid")]
    public void ReferencesThatAreNotUnderstoodAreNamed(string text, string errorId) =>
        Assert.Equal(errorId, Assert.Throws<V2VException>(() => BackingReference.Parse(text, "raw")).ErrorId);

    [Fact]
    public void ReferenceThatIsTooLongIsRefusedAndLeavesNothing()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("o.qcow2");
        Assert.Equal(
            "Qcow2BackingNameTooLong",
            Assert.Throws<V2VException>(() => Qcow2Image.CreateOverlay(path, 1 << 20, new string('x', 1024), "raw", new ZeroDevice(1))).ErrorId);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void ExistingFileIsNotReplaced()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("o.qcow2");
        File.WriteAllText(path, "precious");
        V2VException error = Assert.Throws<V2VException>(() => Qcow2Image.Create(path, 1 << 20));
        Assert.Equal(V2VErrorKind.Exists, error.Kind);
        Assert.Equal("precious", File.ReadAllText(path));
    }
}
