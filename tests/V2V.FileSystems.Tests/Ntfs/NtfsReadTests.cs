using System.Text;
using V2V.FileSystems.Ntfs;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>What ntfs-3g wrote is read, and what V2V wrote beside it is right.</summary>
public sealed class NtfsReadTests
{
    /// <summary>ntfs-3g's attribute for the inheritable bit of compression on a directory.</summary>
    private const string CompressedDirectory = "0x00000800";

    [Theory]
    [InlineData("-c 512 -C")]
    [InlineData("-c 4096 -C")]
    [InlineData("-c 4096 -C -s 4096")]
    public void Compressed_and_sparse_files_are_read_and_rewritten_plainly(string options)
    {
        Tool.Require("setfattr");
        using var image = new NtfsImage(options, 64 << 20);
        var expected = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal) { ["packed"] = null };
        image.WithMount("compression", root =>
        {
            string directory = Path.Combine(root, "packed");
            Directory.CreateDirectory(directory);
            Tool.Run("setfattr", "-h", "-v", CompressedDirectory, "-n", "system.ntfs_attrib_be", directory);
            var random = new Random(5);
            for (int i = 0; i < 24; i++)
            {
                byte[] content = Mixed(random, (i * i * 1500) + i);
                File.WriteAllBytes(Path.Combine(directory, $"file{i}"), content);
                expected[$"packed/file{i}"] = content;
            }

            using FileStream sparse = File.Create(Path.Combine(root, "sparse"));
            sparse.SetLength(3_000_000);
            sparse.Position = 1_000_000;
            sparse.Write("in the middle"u8);
            var bytes = new byte[3_000_000];
            "in the middle"u8.CopyTo(bytes.AsSpan(1_000_000));
            expected["sparse"] = bytes;
        });
        image.Read(fileSystem =>
        {
            FileTree.AssertSame(expected, FileTree.Read(fileSystem));
            FileEntry large = fileSystem.TryGetEntry("/packed/file23")!;
            Assert.True(large.AllocatedBytes < large.Length, "ntfs-3g did not compress");
        });
        image.Write(fileSystem =>
        {
            foreach (int i in (int[])[3, 17, 23])
            {
                using Stream stream = fileSystem.OpenWrite($"/PACKED/FILE{i}");
                stream.Position = 700;
                stream.Write("plain from here on"u8);
                "plain from here on"u8.CopyTo(expected[$"packed/file{i}"].AsSpan(700));
            }

            using Stream sparse = fileSystem.OpenWrite("/sparse");
            sparse.Position = 2_000_001;
            sparse.Write("again"u8);
            "again"u8.CopyTo(expected["sparse"].AsSpan(2_000_001));
        });
        image.AssertClean();
        FileTree.AssertSame(expected, image.ReadWithMount([]));
    }

    [Fact]
    public void Hard_links_and_links_are_kept()
    {
        using var image = new NtfsImage("-c 4096", 32 << 20);
        image.Write(fileSystem =>
        {
            fileSystem.CreateDirectory("/Windows", NtfsImage.Metadata);
            fileSystem.WriteAllBytes("/Windows/first.dll", "one content"u8, NtfsImage.Metadata);
            fileSystem.CreateHardLink("/windows/FIRST.DLL", "/a second name.dll");
            fileSystem.CreateHardLink("/a second name.dll", "/Windows/third");
            Assert.Equal(3, fileSystem.TryGetEntry("/windows/third")!.LinkCount);
            fileSystem.WriteAllBytes("/Windows/third", "another content"u8, NtfsImage.Metadata);
            fileSystem.Delete("/Windows/first.dll");
            fileSystem.CreateSymbolicLink("/to file", "Windows/third", NtfsImage.Metadata);
            fileSystem.CreateSymbolicLink("/to directory", @"Windows", NtfsImage.Metadata);
            Assert.Equal("Windows/third", fileSystem.ReadLink("/to file"));
            Assert.Equal(GuestFileType.SymbolicLink, fileSystem.TryGetEntry("/to directory")!.Type);
        });
        image.AssertClean();
        image.WithMount("ro", root =>
        {
            Assert.Equal("another content", File.ReadAllText(Path.Combine(root, "a second name.dll")));
            Assert.Equal("another content", File.ReadAllText(Path.Combine(root, "to file")));
            Assert.True(File.Exists(Path.Combine(root, "to directory", "third")));
            Assert.False(File.Exists(Path.Combine(root, "Windows", "first.dll")));
        });
        image.Write(fileSystem =>
        {
            fileSystem.Delete("/to file");
            fileSystem.Delete("/to directory");
            fileSystem.Delete("/Windows/third");
            fileSystem.Delete("/a second name.dll");
        });
        image.AssertClean();
    }

    [Fact]
    public void Thousands_of_names_come_and_go()
    {
        using var image = new NtfsImage("-c 4096", 64 << 20);
        var names = new List<string>();
        var random = new Random(3);
        image.Write(fileSystem =>
        {
            fileSystem.CreateDirectory("/many", NtfsImage.Metadata);
            for (int i = 0; i < 3000; i++)
            {
                string name = $"{new string((char)('a' + random.Next(26)), 1 + random.Next(120))} {i}";
                names.Add(name);
                fileSystem.CreateFile("/many/" + name, NtfsImage.Metadata);
            }
        });
        image.AssertClean();
        image.Write(fileSystem =>
        {
            for (int i = 0; i < 2700; i++)
            {
                int at = random.Next(names.Count);
                fileSystem.Delete("/MANY/" + names[at].ToUpperInvariant());
                names.RemoveAt(at);
            }
        });
        image.AssertClean();
        image.WithMount("ro", root => Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetFiles(Path.Combine(root, "many")).Select(Path.GetFileName).Order(StringComparer.Ordinal)));
        image.Write(fileSystem =>
        {
            names.ForEach(name => fileSystem.Delete("/many/" + name));
            fileSystem.Delete("/many");
        });
        image.AssertClean();
    }

    [Fact]
    public void A_file_in_a_thousand_pieces_needs_an_attribute_list()
    {
        using var image = new NtfsImage("-c 512", 24 << 20);
        var contents = new byte[3][];
        image.Write(fileSystem =>
        {
            for (int i = 0; i < 3; i++)
            {
                contents[i] = new byte[1200 * 512];
                new Random(i).NextBytes(contents[i]);
                fileSystem.CreateFile($"/file{i}", NtfsImage.Metadata);
            }

            // Turn by turn, so that no two pieces of a file are neighbours.
            for (int at = 0; at < contents[0].Length; at += 512)
            {
                for (int i = 0; i < 3; i++)
                {
                    using Stream stream = fileSystem.OpenWrite($"/file{i}");
                    stream.Position = at;
                    stream.Write(contents[i].AsSpan(at, 512));
                }
            }

            for (int i = 0; i < 60; i++)
            {
                fileSystem.WriteAllBytes($"/file0:stream number {i}", new byte[i], NtfsImage.Metadata);
            }
        });
        image.AssertClean();
        image.WithMount("ro,streams_interface=windows", root =>
        {
            for (int i = 0; i < 3; i++)
            {
                Assert.True(File.ReadAllBytes(Path.Combine(root, $"file{i}")).AsSpan().SequenceEqual(contents[i]), $"file{i}");
            }

            Assert.Equal(59, File.ReadAllBytes(Path.Combine(root, "file0:stream number 59")).Length);
        });
        image.Write(fileSystem =>
        {
            using (Stream stream = fileSystem.OpenWrite("/file1"))
            {
                stream.SetLength(1000);
            }

            fileSystem.Delete("/file0");
        });
        image.AssertClean();
        image.Read(fileSystem => Assert.True(fileSystem.ReadAllBytes("/file1").AsSpan().SequenceEqual(contents[1].AsSpan(0, 1000))));
    }

    [Fact]
    public void A_sleeping_or_unclean_Windows_is_refused_for_writing()
    {
        using var image = new NtfsImage("-c 4096", 32 << 20);
        image.WithMount("rw", root => File.WriteAllBytes(Path.Combine(root, "hiberfil.sys"), [.. "HIBR"u8, .. new byte[8192]]));
        using (FileDevice device = FileDevice.Open(image.Path, writable: true))
        {
            V2VException refused = Assert.Throws<V2VException>(() => NtfsFileSystem.Open(device, writable: true));
            Assert.Equal("NtfsHibernated", refused.ErrorId);
            Assert.Contains("powercfg /h off", refused.Advice, StringComparison.Ordinal);
        }

        image.WithMount("rw,remove_hiberfile", root => { });
        image.Write(fileSystem => fileSystem.CreateFile("/now it goes", NtfsImage.Metadata));
        image.AssertClean();
    }

    [Fact]
    public void Short_names_are_made_where_a_directory_has_them()
    {
        Tool.Require("setfattr");
        using var image = new NtfsImage("-c 4096", 32 << 20);
        image.WithMount("rw", root =>
        {
            string file = Path.Combine(root, "a long name of ntfs-3g.txt");
            File.WriteAllText(file, "x");
            Tool.Run("setfattr", "-n", "system.ntfs_dos_name", "-v", "ALONGN~1.TXT", file);
        });
        image.Write(fileSystem =>
        {
            Assert.Equal(1, fileSystem.TryGetEntry("/alongn~1.txt")!.Length);
            fileSystem.WriteAllBytes("/a long name of v2v.txt", "two"u8, NtfsImage.Metadata);
            Assert.Equal(3, fileSystem.TryGetEntry("/ALONGN~2.TXT")!.Length);
            fileSystem.Rename("/a long name of v2v.txt", "/short.txt");
            Assert.Null(fileSystem.TryGetEntry("/ALONGN~2.TXT"));
            fileSystem.Delete("/ALONGN~1.TXT");
        });
        image.AssertClean();
        image.WithMount("ro", root => Assert.Equal(["short.txt"], Directory.GetFiles(root).Select(Path.GetFileName)));
    }

    private static byte[] Mixed(Random random, int length)
    {
        var content = new byte[length];
        for (int at = 0; at < length;)
        {
            int step = Math.Min(length - at, 1 + random.Next(40000));
            switch (random.Next(3))
            {
                case 0:
                    random.NextBytes(content.AsSpan(at, step));
                    break;
                case 1:
                    byte[] text = Encoding.ASCII.GetBytes("some words that come again and again, with a number: ");
                    for (int i = 0; i < step; i++)
                    {
                        content[at + i] = text[i % text.Length];
                    }

                    break;
                default:
                    break;
            }

            at += step;
        }

        return content;
    }
}
