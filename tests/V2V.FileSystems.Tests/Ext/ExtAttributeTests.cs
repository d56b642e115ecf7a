using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

public class ExtAttributeTests
{
    private static readonly byte[] s_acl =
    [
        2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 5, 0, 232, 3, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255, 16, 0, 5, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
    ];

    public static TheoryData<string> Features => new(
        "-t ext4 -b 4096",
        "-t ext4 -b 1024 -I 128",
        "-t ext3 -b 1024 -I 256",
        "-t ext4 -b 4096 -O ea_inode",
        "-t ext4 -b 1024 -I 512 -O inline_data,ea_inode",
        "-t ext4 -b 4096 -O bigalloc,ea_inode");

    /// <summary>The kernel shares one block among files with the same attributes; each change must copy it.</summary>
    [Theory]
    [MemberData(nameof(Features))]
    public void AttributesOfTheKernelAreReadChangedAndReadBack(string arguments)
    {
        Tool.RequireRoot();
        using var image = new ExtImage(100 << 20, arguments.Split(' '));
        bool large = arguments.Contains("ea_inode", StringComparison.Ordinal);
        string[] names = ["a", "b", "c", "d"];
        image.Mounted(writable: true, root =>
        {
            foreach (string name in names)
            {
                string path = Path.Combine(root, name);
                File.WriteAllText(path, "x");
                HostAttributes.Set(path, "security.selinux", "system_u:object_r:etc_t:s0\0"u8.ToArray());
                HostAttributes.Set(path, "user.medium", HostTree.Bytes(new Random(1), 400));
                HostAttributes.Set(path, "trusted.empty", []);
                HostAttributes.Set(path, "system.posix_acl_access", s_acl);
                if (large)
                {
                    HostAttributes.Set(path, "user.large", HostTree.Bytes(new Random(2), 20_000));
                }
            }
        });
        image.Check();
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            foreach (string name in names)
            {
                AssertSame("/" + name, fileSystem, "system_u:object_r:etc_t:s0\0"u8.ToArray(), large);
            }

            fileSystem.SetExtendedAttribute("/a", "security.selinux", "unconfined_u:object_r:shadow_t:s0:c1.c1023\0"u8);
            fileSystem.SetExtendedAttribute("/a", "user.new", HostTree.Bytes(new Random(3), 100));
            fileSystem.RemoveExtendedAttribute("/b", "user.medium");
            fileSystem.SetExtendedAttribute("/c", "system.posix_acl_access", s_acl);
            fileSystem.CreateFile("/new", new FileMetadata(0x1A4));
            fileSystem.SetExtendedAttribute("/new", "security.selinux", "x"u8);
            if (large)
            {
                fileSystem.SetExtendedAttribute("/new", "user.large", HostTree.Bytes(new Random(4), 10_000));
                fileSystem.SetExtendedAttribute("/new", "user.large", HostTree.Bytes(new Random(5), 30_000));
                fileSystem.RemoveExtendedAttribute("/b", "user.large");
            }

            fileSystem.Delete("/d");
            fileSystem.Flush();
            image.CheckOpen();
        }

        image.Check();
        image.Mounted(writable: false, root =>
        {
            using FileDevice device = FileDevice.Open(image.Path);
            using ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: false);
            foreach (string name in (string[])["a", "b", "c", "new"])
            {
                string path = Path.Combine(root, name);
                Assert.Equal(HostAttributes.List(path).Order(), fileSystem.ListExtendedAttributes("/" + name).Order());
                foreach (string attribute in HostAttributes.List(path))
                {
                    Assert.Equal(HostAttributes.Get(path, attribute), fileSystem.GetExtendedAttribute("/" + name, attribute));
                }
            }

            Assert.Equal("unconfined_u:object_r:shadow_t:s0:c1.c1023\0"u8.ToArray(), HostAttributes.Get(Path.Combine(root, "a"), "security.selinux"));
        });
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            foreach (string name in (string[])["a", "b", "c", "new"])
            {
                fileSystem.Delete("/" + name);
            }
        }

        image.Check();
    }

    [Theory]
    [InlineData("-t ext4 -b 1024 -O quota,project,ea_inode")]
    [InlineData("-t ext4 -b 4096 -O quota,ea_inode,bigalloc,inline_data")]
    public void QuotaFollowsOwnersAndValues(string arguments)
    {
        using var image = new ExtImage(60 << 20, arguments.Split(' '));
        var random = new Random(6);
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            for (uint i = 0; i < 120; i++)
            {
                string path = FormattableString.Invariant($"/f{i}");
                fileSystem.WriteAllBytes(path, HostTree.Bytes(random, random.Next(30_000)), new FileMetadata(0x1A4, i * 7919, i % 9));
                fileSystem.SetExtendedAttribute(path, "user.large", HostTree.Bytes(random, 9000));
                fileSystem.SetExtendedAttribute(path, "user.other", HostTree.Bytes(random, 5000));
            }

            fileSystem.Flush();
            image.CheckOpen();
            for (uint i = 0; i < 120; i += 3)
            {
                string path = FormattableString.Invariant($"/f{i}");
                fileSystem.SetMetadata(path, new FileMetadata(0x1A4, 5, 100_000 + i));
                fileSystem.SetExtendedAttribute(path, "user.large", HostTree.Bytes(random, 3000));
                fileSystem.Delete(FormattableString.Invariant($"/f{i + 1}"));
            }
        }

        image.Check();
    }

    [Fact]
    public void WhatDoesNotFitIsRefusedAndNothingIsLost()
    {
        using var image = new ExtImage(20 << 20, "-t", "ext4", "-b", "1024");
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            fileSystem.CreateFile("/f", new FileMetadata(0x1A4));
            fileSystem.SetExtendedAttribute("/f", "user.kept", "value"u8);
            V2VException error = Assert.Throws<V2VException>(() => fileSystem.SetExtendedAttribute("/f", "user.kept", new byte[2000]));
            Assert.Equal("ExtAttributeNoSpace", error.ErrorId);
            Assert.Equal("value"u8.ToArray(), fileSystem.GetExtendedAttribute("/f", "user.kept"));
            error = Assert.Throws<V2VException>(() => fileSystem.SetExtendedAttribute("/f", "nonsense", "x"u8));
            Assert.Equal("ExtAttributeNameUnsupported", error.ErrorId);
        }

        image.Check();
    }

    private static void AssertSame(string path, ExtFileSystem fileSystem, byte[] label, bool large)
    {
        Assert.Equal(label, fileSystem.GetExtendedAttribute(path, "security.selinux"));
        Assert.Equal(HostTree.Bytes(new Random(1), 400), fileSystem.GetExtendedAttribute(path, "user.medium"));
        Assert.Equal((byte[])[], fileSystem.GetExtendedAttribute(path, "trusted.empty")!);
        Assert.Equal(s_acl, fileSystem.GetExtendedAttribute(path, "system.posix_acl_access"));
        Assert.Null(fileSystem.GetExtendedAttribute(path, "user.missing"));
        if (large)
        {
            Assert.Equal(HostTree.Bytes(new Random(2), 20_000), fileSystem.GetExtendedAttribute(path, "user.large"));
        }
    }
}
