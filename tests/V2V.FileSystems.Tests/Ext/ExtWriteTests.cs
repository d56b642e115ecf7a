using System.Globalization;
using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

public class ExtWriteTests
{
    public static TheoryData<string> Features => ExtReadTests.Features;

    [Theory]
    [MemberData(nameof(Features))]
    public void EditsLeaveACleanFileSystemThatTheKernelReads(string arguments)
    {
        using var scratch = new TemporaryDirectory();
        string tree = scratch.File("tree");
        HostTree.Populate(tree, seed: 3, large: false);
        using var image = new ExtImage(200 << 20, [.. arguments.Split(' '), "-d", tree]);
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            Edit(fileSystem, 17);
        }

        image.Check();
        bool mountable = !arguments.Contains("-b 65536", StringComparison.Ordinal) && !arguments.Contains("casefold", StringComparison.Ordinal)
            && !arguments.Contains("quota", StringComparison.Ordinal);
        if (mountable && Environment.UserName == "root")
        {
            image.Mounted(writable: false, root =>
            {
                using FileDevice device = FileDevice.Open(image.Path);
                using ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: false);
                HostTree.AssertEqual(root, fileSystem, wholeSeconds: arguments.Contains("128", StringComparison.Ordinal) || arguments.Contains("^extra_isize", StringComparison.Ordinal));
            });
        }
    }

    private static void Edit(ExtFileSystem fileSystem, int seed)
    {
        var random = new Random(seed);
        var metadata = new FileMetadata(0x1A4, 1000, 100000, new DateTimeOffset(2031, 2, 3, 4, 5, 6, TimeSpan.Zero));
        byte[] big = HostTree.Bytes(random, 10 << 20);
        fileSystem.WriteAllBytes("/big", big, metadata);
        Assert.Equal(big, fileSystem.ReadAllBytes("/big"));
        fileSystem.CreateDirectory("/new", metadata with { Mode = 0x1ED });
        for (int i = 0; i < 1200; i++)
        {
            fileSystem.WriteAllBytes($"/new/some-quite-long-nämé-of-a-file-{i}", HostTree.Bytes(random, i % 50), metadata);
        }

        for (int i = 0; i < 1200; i += 3)
        {
            fileSystem.Delete($"/new/some-quite-long-nämé-of-a-file-{i}");
        }

        fileSystem.CreateSymbolicLink("/new/short", "../size-3", metadata);
        fileSystem.CreateSymbolicLink("/new/long", new string('l', 200), metadata);
        fileSystem.CreateHardLink("/size-5", "/new/hard");
        fileSystem.Rename("/deep-0/deep-1", "/new/moved");
        fileSystem.Rename("/size-6", "/size-7");
        fileSystem.Rename("/empty", "/new/empty-with-a-longer-name");
        fileSystem.Delete("/size-18");
        fileSystem.SetMetadata("/size-9", new FileMetadata(0x9C9, 7, 70000, new DateTimeOffset(2001, 2, 3, 4, 5, 6, TimeSpan.Zero)));
        using (Stream stream = fileSystem.OpenWrite("/sparse"))
        {
            for (int i = 0; i < 100; i++)
            {
                stream.Position = random.NextInt64(3 << 20);
                stream.Write(HostTree.Bytes(random, random.Next(1, 9000)));
            }

            stream.SetLength(2_345_678);
            stream.SetLength(3_000_000);
        }

        for (int i = 0; i < 17; i++)
        {
            string path = FormattableString.Invariant($"/size-{i}");
            if (fileSystem.TryGetEntry(path) is not null)
            {
                using Stream stream = fileSystem.OpenWrite(path);
                stream.Position = stream.Length;
                stream.Write(HostTree.Bytes(random, 37));
            }
        }

        for (int i = 0; i < 40; i++)
        {
            string path = $"/new/moved/sub-{i.ToString(CultureInfo.InvariantCulture)}";
            fileSystem.CreateDirectory(path, metadata with { Mode = 0x1ED });
            fileSystem.CreateFile(path + "/x", metadata);
        }
    }
}
