using V2V.FileSystems.Tests.Ext;
using V2V.FileSystems.Xfs;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>What the kernel writes is read and changed here, and the other way round.</summary>
public sealed class XfsKernelTests
{
    [Theory]
    [InlineData("-m crc=1,rmapbt=1,reflink=1 -i sparse=1,nrext64=0")]
    [InlineData("-m crc=1,rmapbt=1,reflink=1,bigtime=1 -i nrext64=1 -n size=16384")]
    [InlineData("-b size=1024 -m crc=1,finobt=0,rmapbt=0,reflink=0,inobtcount=0,bigtime=0 -i sparse=0 -n size=4096")]
    [InlineData("-b size=2048 -m crc=1,rmapbt=1 -i size=1024")]
    [InlineData("-i exchange=1 -n parent=1")]
    public void Kernel_and_V2V_take_turns(string options)
    {
        using var image = new XfsImage(512 << 20, options.Split(' '));
        image.Mounted(writable: true, root => Populate(root, options));
        using (XfsFileSystem fileSystem = image.Open(writable: false))
        {
            TreeWalk.Read(fileSystem, strict: true);
            ParentCheck.AssertHolds(fileSystem);
        }

        image.Mounted(writable: false, root =>
        {
            using XfsFileSystem fileSystem = image.Open(writable: false);
            HostTree.AssertEqual(root, fileSystem);
            foreach (string name in HostAttributes.List(Path.Combine(root, "attributes")))
            {
                Assert.Equal(HostAttributes.Get(Path.Combine(root, "attributes"), name), fileSystem.GetExtendedAttribute("/attributes", name));
            }
        });
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            Change(fileSystem);
            ParentCheck.AssertHolds(fileSystem);
        }

        image.Check();
        image.Mounted(writable: true, root =>
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(root, "crowd")).Where((_, i) => i % 2 == 0).ToArray())
            {
                File.Delete(file);
            }

            for (int i = 0; i < 500; i++)
            {
                File.WriteAllText(Path.Combine(root, "crowd", $"by-the-kernel-{i}"), "x");
            }

            File.WriteAllBytes(Path.Combine(root, "fragments"), new byte[100_000]);
            Directory.Delete(Path.Combine(root, "deep-0"), recursive: true);
            HostAttributes.Set(Path.Combine(root, "attributes"), "user.kernel", new byte[2000]);
        });
        image.Check();
        image.Mounted(writable: false, root =>
        {
            using XfsFileSystem fileSystem = image.Open(writable: false);
            HostTree.AssertEqual(root, fileSystem);
        });
    }

    /// <summary>Blocks that two files share are copied before they are written: the other file keeps its content.</summary>
    [Theory]
    [InlineData("-m crc=1,rmapbt=1,reflink=1", 1)]
    [InlineData("-m crc=1,rmapbt=1,reflink=1", 2)]
    [InlineData("-b size=1024 -m crc=1,rmapbt=0,reflink=1 -d agcount=2", 3)]
    [InlineData("-b size=1024 -m crc=1,rmapbt=1,reflink=1 -n size=8192", 4)]
    public void Shared_blocks_are_copied_on_write(string options, int seed)
    {
        Tool.Require("cp");
        using var image = new XfsImage(320 << 20, options.Split(' '));
        var random = new Random(seed);
        var contents = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        image.Mounted(writable: true, root =>
        {
            for (int i = 0; i < 4; i++)
            {
                var content = new byte[random.Next(1, 900_000)];
                random.NextBytes(content);
                File.WriteAllBytes(Path.Combine(root, $"base-{i}"), content);
                for (int k = 0; k < 4; k++)
                {
                    Tool.Run("cp", "--reflink=always", Path.Combine(root, $"base-{i}"), Path.Combine(root, $"clone-{i}-{k}"));
                    contents[$"/clone-{i}-{k}"] = content;
                }

                contents[$"/base-{i}"] = content;
            }
        });
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            for (int step = 0; step < 150; step++)
            {
                string path = contents.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(contents.Count));
                byte[] content = contents[path];
                int kind = random.Next(12);
                if (kind == 0 && contents.Count > 6)
                {
                    fileSystem.Delete(path);
                    contents.Remove(path);
                    continue;
                }

                using Stream stream = fileSystem.OpenWrite(path);
                if (kind < 3)
                {
                    Array.Resize(ref content, random.Next(1_000_000));
                    stream.SetLength(content.Length);
                    contents[path] = content;
                    continue;
                }

                var piece = new byte[random.Next(1, 30_000)];
                random.NextBytes(piece);
                int at = random.Next(content.Length + 5000);
                stream.Position = at;
                stream.Write(piece);
                byte[] changed = [.. content];
                Array.Resize(ref changed, Math.Max(content.Length, at + piece.Length));
                piece.CopyTo(changed, at);
                contents[path] = changed;
            }
        }

        image.Check();
        image.Mounted(writable: true, root =>
        {
            foreach ((string path, byte[] content) in contents)
            {
                Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(root + path)), path);
            }

            File.Delete(root + contents.Keys.First());
        });
        image.Check();
    }

    private static void Populate(string root, string options)
    {
        HostTree.Populate(root, seed: 11, large: true, year: options.Contains("bigtime=0", StringComparison.Ordinal) ? 2037 : 2400);
        string crowd = Directory.CreateDirectory(Path.Combine(root, "crowd")).FullName;
        for (int i = 0; i < 2500; i++)
        {
            File.WriteAllBytes(Path.Combine(crowd, $"one-of-very-many-files-{i}"), []);
        }

        string fragments = Path.Combine(root, "fragments");
        using (FileStream file = File.Create(fragments))
        {
            for (int i = 0; i < 1800; i++)
            {
                file.Position = i * 8192L;
                file.WriteByte((byte)i);
            }
        }

        File.WriteAllBytes(Path.Combine(root, "attributes"), [1, 2, 3]);
        for (int i = 0; i < 120; i++)
        {
            HostAttributes.Set(Path.Combine(root, "attributes"), $"user.attribute-{i}", new byte[i * 37 % 5000]);
        }

        HostAttributes.Set(Path.Combine(root, "size-3"), "security.selinux", "system_u:object_r:etc_t:s0\0"u8.ToArray());
        Tool.Require("fallocate");
        Tool.Run("fallocate", "-l", "3000000", Path.Combine(root, "unwritten"));
    }

    private static void Change(XfsFileSystem fileSystem)
    {
        var metadata = new FileMetadata(0x1A4, 5, 6);
        for (int i = 0; i < 2500; i++)
        {
            if (i % 5 != 0)
            {
                fileSystem.Delete($"/crowd/one-of-very-many-files-{i}");
            }
        }

        for (int i = 0; i < 1800; i++)
        {
            fileSystem.CreateFile($"/many/new-name-{i}", metadata);
        }

        using (Stream stream = fileSystem.OpenWrite("/fragments"))
        {
            for (int i = 0; i < 500; i++)
            {
                stream.Position = (i * 8192L * 3) + 4096;
                stream.Write(new byte[100]);
            }

            stream.SetLength(stream.Length - 1_000_000);
        }

        using (Stream stream = fileSystem.OpenWrite("/unwritten"))
        {
            stream.Position = 1_000_001;
            stream.Write(new byte[] { 1, 2, 3 });
        }

        for (int i = 0; i < 100; i++)
        {
            fileSystem.RemoveExtendedAttribute("/attributes", $"user.attribute-{i}");
        }

        fileSystem.SetExtendedAttribute("/attributes", "user.ours", new byte[60_000]);
        fileSystem.SetExtendedAttribute("/deep-0", "security.selinux", "system_u:object_r:etc_t:s0\0"u8);
    }
}
