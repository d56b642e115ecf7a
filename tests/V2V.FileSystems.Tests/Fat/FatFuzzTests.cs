using V2V.FileSystems.Fat;
using V2V.FileSystems.Tests.Probe;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>Damaged volumes: nothing but our own exception, and an end.</summary>
public sealed class FatFuzzTests
{
    [Theory]
    [InlineData("fat12.img")]
    [InlineData("fat16.img")]
    [InlineData("fat32.img")]
    public void Damaged_volumes_give_our_errors_only(string name)
    {
        MemoryDevice device = VolumeFixture.Open(name);
        using (FatFileSystem fileSystem = FatFileSystem.Open(device, writable: true))
        {
            fileSystem.CreateDirectory("/another directory", FatImage.Metadata);
            for (int i = 0; i < 20; i++)
            {
                fileSystem.WriteAllBytes($"/another directory/file {i}", new byte[i * 700], FatImage.Metadata);
            }
        }

        byte[] original = device.Span.ToArray();
        int metadata = Math.Min(original.Length, 100 << 10);
        var random = new Random(11);
        for (int round = 0; round < 400; round++)
        {
            byte[] bytes = original.AsSpan().ToArray();
            int flips = 1 + random.Next(12);
            for (int i = 0; i < flips; i++)
            {
                int at = random.Next(3) == 0 ? random.Next(512) : random.Next(metadata);
                bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => 0xFF };
            }

            if (random.Next(10) == 0)
            {
                Array.Resize(ref bytes, random.Next(bytes.Length));
            }

            Exercise(new MemoryDevice(bytes), random);
        }
    }

    private static void Exercise(MemoryDevice device, Random random)
    {
        try
        {
            _ = FileSystemProbe.Identify(device);
            using FatFileSystem fileSystem = FatFileSystem.Open(device, writable: true);
            _ = fileSystem.GetFreeExtents().Take(1000).Count();
            var files = new List<string>();
            Walk(fileSystem, files);
            foreach (string path in files.Take(3))
            {
                using Stream stream = fileSystem.OpenWrite(path);
                stream.SetLength(random.Next(30000));
            }

            fileSystem.WriteAllBytes("/new file", new byte[3000], FatImage.Metadata);
            if (files.Count > 1)
            {
                fileSystem.Rename(files[0], "/renamed file");
                fileSystem.Delete(files[1]);
            }
        }
        catch (V2VException)
        {
        }
    }

    private static void Walk(FatFileSystem fileSystem, List<string> files)
    {
        var pending = new Stack<(string Path, int Depth)>([("", 0)]);
        var buffer = new byte[65536];
        while (pending.TryPop(out (string Path, int Depth) directory) && files.Count < 500)
        {
            foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory(directory.Path + "/").Take(500))
            {
                string path = directory.Path + "/" + entry.Name;
                if (entry.Type == GuestFileType.Directory)
                {
                    if (directory.Depth < 4)
                    {
                        pending.Push((path, directory.Depth + 1));
                    }

                    continue;
                }

                files.Add(path);
                try
                {
                    using Stream stream = fileSystem.OpenRead(path);
                    _ = stream.Read(buffer);
                }
                catch (V2VException)
                {
                }
            }
        }
    }
}
