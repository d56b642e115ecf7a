using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Structures that only grow with many edits: deep extent trees, indexes of several levels, full file systems.</summary>
public class ExtStressTests
{
    private static readonly FileMetadata s_metadata = new(0x1A4);

    [Theory]
    [InlineData("-t ext4 -b 1024")]
    [InlineData("-t ext4 -b 4096")]
    [InlineData("-t ext4 -b 1024 -O bigalloc -C 4096")]
    [InlineData("-t ext2 -b 1024")]
    public void FragmentedFilesGrowAndShrink(string arguments)
    {
        using var image = new ExtImage(200 << 20, arguments.Split(' '));
        var random = new Random(5);
        var model = new byte[30 << 20];
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            long free = fileSystem.FreeBytes;
            fileSystem.CreateFile("/fragmented", s_metadata);
            using (Stream stream = fileSystem.OpenWrite("/fragmented"))
            {
                for (int i = 0; i < 4000; i++)
                {
                    int at = random.Next(model.Length - 3000);
                    byte[] bytes = HostTree.Bytes(random, random.Next(1, 3000));
                    bytes.CopyTo(model, at);
                    stream.Position = at;
                    stream.Write(bytes);
                }

                stream.SetLength(model.Length);
            }

            fileSystem.Flush();
            image.CheckOpen();
            Assert.Equal(model, fileSystem.ReadAllBytes("/fragmented"));
            using (Stream stream = fileSystem.OpenWrite("/fragmented"))
            {
                stream.SetLength(13_000_001);
            }

            fileSystem.Flush();
            image.CheckOpen();
            Assert.Equal(model[..13_000_001], fileSystem.ReadAllBytes("/fragmented"));
            using (Stream stream = fileSystem.OpenWrite("/fragmented"))
            {
                stream.SetLength(20_000);
                stream.SetLength(50_000);
            }

            fileSystem.Delete("/fragmented");
            Assert.Equal(free, fileSystem.FreeBytes);
        }

        image.Check();
    }

    [Theory]
    [InlineData("-t ext4 -b 1024 -I 128 -N 80000 -O large_dir,metadata_csum", "half_md4", 60000, 200)]
    [InlineData("-t ext4 -b 1024 -I 128 -N 80000", "half_md4", 20000, 240)]
    [InlineData("-t ext4 -b 4096", "tea", 30000, 20)]
    [InlineData("-t ext3 -b 1024", "tea", 5000, 20)]
    [InlineData("-t ext4 -b 65536 -N 40000", "legacy", 20000, 100)]
    public void LargeDirectoriesIndexOnSeveralLevels(string arguments, string hash, int count, int length)
    {
        using var image = new ExtImage(300 << 20, arguments.Split(' '));
        Tool.Run("tune2fs", "-E", "hash_alg=" + hash, image.Path);
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            fileSystem.CreateFile("/target", s_metadata);
            fileSystem.CreateDirectory("/large", s_metadata with { Mode = 0x1ED });
            for (int i = 0; i < count; i++)
            {
                string name = FormattableString.Invariant($"/large/{new string((char)('a' + (i % 26)), length)}{i}");
                if (i % 100 == 0)
                {
                    fileSystem.CreateFile(name, s_metadata);
                }
                else
                {
                    fileSystem.CreateSymbolicLink(name, "x", s_metadata);
                }
            }

            for (int i = 0; i < count; i += 2)
            {
                fileSystem.Delete(FormattableString.Invariant($"/large/{new string((char)('a' + (i % 26)), length)}{i}"));
            }
        }

        image.Check();
        using (ExtFileSystem fileSystem = image.Open(writable: false))
        {
            Assert.Equal(count / 2, fileSystem.EnumerateDirectory("/large").Count());
            Assert.NotNull(fileSystem.TryGetEntry(FormattableString.Invariant($"/large/{new string('b', length)}1")));
            Assert.Null(fileSystem.TryGetEntry("/large/missing"));
        }
    }

    [Theory]
    [InlineData("-t ext4")]
    [InlineData("-t ext4 -O meta_bg,^resize_inode,bigalloc")]
    [InlineData("-t ext2 -O ^large_file")]
    [InlineData("-t ext4 -O ^metadata_csum,uninit_bg,^flex_bg")]
    public void FilesBeyondFourGibibytesInALargeFileSystem(string arguments)
    {
        using var image = new ExtImage(40L << 30, arguments.Split(' '));
        byte[] bytes = HostTree.Bytes(new Random(8), 3_000_000);
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            for (int i = 0; i < 40; i++)
            {
                fileSystem.CreateDirectory($"/directory-{i}", s_metadata);
                fileSystem.WriteAllBytes($"/directory-{i}/file", bytes, s_metadata);
            }

            using Stream stream = fileSystem.OpenWrite("/directory-7/file");
            stream.Position = 6_000_000_001;
            stream.Write(bytes);
        }

        image.Check();
        using (ExtFileSystem fileSystem = image.Open(writable: false))
        {
            Assert.Equal(6_003_000_001, fileSystem.TryGetEntry("/directory-7/file")!.Length);
            using Stream stream = fileSystem.OpenRead("/directory-7/file");
            var buffer = new byte[bytes.Length];
            stream.Position = 6_000_000_001;
            stream.ReadExactly(buffer);
            Assert.Equal(bytes, buffer);
            stream.Position = 5_000_000_000;
            stream.ReadExactly(buffer);
            Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)0));
        }
    }

    /// <summary>Blocks that were allocated but never written hold what was there before: it must not show.</summary>
    [Theory]
    [InlineData("-t ext4 -b 1024")]
    [InlineData("-t ext4 -b 4096 -O bigalloc")]
    public void PreallocatedBlocksReadAsZeroAndAreWritten(string arguments)
    {
        Tool.Require("fallocate");
        using var image = new ExtImage(60 << 20, arguments.Split(' '));
        var random = new Random(12);
        var model = new byte[8 << 20];
        image.Mounted(writable: true, root =>
        {
            File.WriteAllBytes(Path.Combine(root, "garbage"), HostTree.Bytes(random, 40 << 20));
            Tool.Run("sync", "-f", root);
            File.Delete(Path.Combine(root, "garbage"));
            Tool.Run("sync", "-f", root);
            Tool.Run("fallocate", "-l", "8MiB", Path.Combine(root, "file"));
            Tool.Run("fallocate", "-n", "-o", "8MiB", "-l", "4MiB", Path.Combine(root, "file"));
        });
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            Assert.Equal(model, fileSystem.ReadAllBytes("/file"));
            using Stream stream = fileSystem.OpenWrite("/file");
            for (int i = 0; i < 300; i++)
            {
                byte[] bytes = HostTree.Bytes(random, random.Next(1, 20_000));
                int at = random.Next(model.Length - bytes.Length);
                bytes.CopyTo(model, at);
                stream.Position = at;
                stream.Write(bytes);
            }

            stream.SetLength(10 << 20);
            Array.Resize(ref model, 10 << 20);
        }

        image.Check();
        image.Mounted(writable: false, root => Assert.Equal(model, File.ReadAllBytes(Path.Combine(root, "file"))));
    }

    [Theory]
    [InlineData("-t ext4 -b 1024")]
    [InlineData("-t ext4 -b 4096 -O bigalloc")]
    [InlineData("-t ext3 -b 1024")]
    [InlineData("-t ext4 -b 1024 -m 0 -O quota")]
    [InlineData("-t ext4 -b 1024 -N 64")]
    public void AFullFileSystemStaysClean(string arguments)
    {
        using var image = new ExtImage(24 << 20, arguments.Split(' '));
        var random = new Random(9);
        int refused = 0;
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            for (int i = 0; i < 3000; i++)
            {
                string path = FormattableString.Invariant($"/{random.Next(400)}-{new string('n', random.Next(100))}");
                try
                {
                    switch (random.Next(4))
                    {
                        case 0:
                            fileSystem.CreateDirectory(path, s_metadata with { Mode = 0x1ED });
                            break;
                        case 1:
                            fileSystem.CreateSymbolicLink(path, new string('t', random.Next(1, 300)), s_metadata);
                            break;
                        default:
                            fileSystem.CreateFile(path, s_metadata);
                            using (Stream stream = fileSystem.OpenWrite(path))
                            {
                                stream.Position = random.Next(100_000);
                                stream.Write(HostTree.Bytes(random, random.Next(100_000)));
                            }

                            break;
                    }
                }
                catch (V2VException e) when (e.Kind is V2VErrorKind.NoSpace or V2VErrorKind.Exists)
                {
                    refused += e.Kind == V2VErrorKind.NoSpace ? 1 : 0;
                    if (refused % 50 == 49)
                    {
                        foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory("/").Where(n => n.Name != "lost+found").Take(20).ToArray())
                        {
                            fileSystem.Delete("/" + entry.Name);
                        }
                    }
                }
            }
        }

        Assert.True(refused > 0);
        image.Check();
    }
}
