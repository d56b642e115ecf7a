using System.IO.Compression;
using System.Runtime.CompilerServices;
using V2V.Storage;

namespace V2V.FileSystems.Tests.Probe;

/// <summary>The small images of tests/fixtures/filesystems, made by its make.sh; they need no tool.</summary>
internal static class VolumeFixture
{
    /// <summary>The bytes of an image.</summary>
    public static byte[] Read(string name)
    {
        string path = Path.Combine(Path.GetDirectoryName(SourcePath())!, "..", "..", "fixtures", "filesystems", name + ".gz");
        using var unpacked = new MemoryStream();
        using (var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress))
        {
            stream.CopyTo(unpacked);
        }

        return unpacked.ToArray();
    }

    /// <summary>An image as a writable device in memory.</summary>
    public static MemoryDevice Open(string name) => new(Read(name));

    /// <summary>Unpacks an image of many MiB of nothing into a sparse file.</summary>
    public static void Unpack(string name, string path)
    {
        using FileStream packed = File.OpenRead(Path.Combine(Path.GetDirectoryName(SourcePath())!, "..", "..", "fixtures", "filesystems", name + ".zst"));
        using var source = new ZstdSharp.DecompressionStream(packed);
        using FileStream target = File.Create(path);
        var block = new byte[64 << 10];
        for (int length; (length = source.ReadAtLeast(block, block.Length, throwOnEndOfStream: false)) > 0;)
        {
            if (block.AsSpan(0, length).ContainsAnyExcept((byte)0))
            {
                target.Write(block, 0, length);
            }
            else
            {
                target.Position += length;
            }

            target.SetLength(target.Position);
        }
    }

    private static string SourcePath([CallerFilePath] string here = "") => here;
}
