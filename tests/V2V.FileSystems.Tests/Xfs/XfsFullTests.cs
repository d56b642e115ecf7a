using V2V.FileSystems.Xfs;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>On a volume that is full to the last block nothing that frees is refused, in whatever order it comes.</summary>
public sealed class XfsFullTests
{
    private static readonly FileMetadata s_metadata = new(0x1A4);

    [Theory]
    [InlineData("-m crc=1,finobt=1,rmapbt=1,reflink=1", 1)]
    [InlineData("-b size=1024 -m crc=1,rmapbt=0,reflink=0 -d agcount=4", 2)]
    [InlineData("-i exchange=1 -n parent=1", 3)]
    public void What_frees_is_not_refused(string options, int seed)
    {
        using var image = new XfsImage(320 << 20, options.Split(' '));
        var random = new Random(seed);
        List<string> files = [];
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            fileSystem.CreateDirectory("/crowd", s_metadata);
            for (int i = 0; i < 300; i++)
            {
                files.Add($"/crowd/a-name-of-some-length-{i}");
                fileSystem.WriteAllBytes(files[^1], new byte[random.Next(100)], s_metadata);
                fileSystem.CreateHardLink(files[^1], files[^1] + "-again");
                files.Add(files[^1] + "-again");
                for (int k = 0; k < 8 && i % 10 == 0; k++)
                {
                    fileSystem.SetExtendedAttribute(files[^1], $"user.{k}", new byte[1500]);
                }
            }

            Fill(fileSystem, files);
        }

        image.Check();
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            foreach (string path in files.Where(f => f.StartsWith("/fragments", StringComparison.Ordinal)))
            {
                using Stream stream = fileSystem.OpenWrite(path);
                stream.SetLength(stream.Length / 3);
                Fill(fileSystem, []);
            }

            for (int i = 0; i < 300; i += 10)
            {
                fileSystem.RemoveExtendedAttribute($"/crowd/a-name-of-some-length-{i}", "user.3");
            }

            string[] shuffled = [.. files];
            random.Shuffle(shuffled);
            foreach (string path in shuffled)
            {
                fileSystem.Delete(path);
            }

            Assert.Equal(["filler"], fileSystem.EnumerateDirectory("/").Select(e => e.Name).Where(n => n != "crowd").Order());
        }

        image.Check();
    }

    /// <summary>Takes block after block, with files in pieces, until nothing can be had any longer.</summary>
    private static void Fill(XfsFileSystem fileSystem, List<string> files)
    {
        if (fileSystem.TryGetEntry("/filler") is null)
        {
            fileSystem.CreateFile("/filler", s_metadata);
        }

        using Stream filler = fileSystem.OpenWrite("/filler");
        filler.Position = filler.Length;
        var piece = new byte[1 << 20];
        for (int size = piece.Length; size >= 512;)
        {
            if (size == 16384 && files.Count > 0 && files[^1].StartsWith("/crowd", StringComparison.Ordinal))
            {
                Fragment(fileSystem, files);
            }

            try
            {
                filler.Write(piece.AsSpan(0, size));
            }
            catch (V2VException e) when (e.Kind == V2VErrorKind.NoSpace)
            {
                size /= 2;
            }
        }
    }

    private static void Fragment(XfsFileSystem fileSystem, List<string> files)
    {
        for (int i = 0; i < 6; i++)
        {
            try
            {
                fileSystem.CreateFile($"/fragments-{i}", s_metadata);
                files.Add($"/fragments-{i}");
                using Stream stream = fileSystem.OpenWrite(files[^1]);
                for (int k = 0; k < 400; k++)
                {
                    stream.Position = k * 32768L;
                    stream.WriteByte(1);
                }
            }
            catch (V2VException e) when (e.Kind == V2VErrorKind.NoSpace)
            {
                return;
            }
        }
    }
}
