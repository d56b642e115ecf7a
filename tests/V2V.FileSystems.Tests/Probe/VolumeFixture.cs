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

    private static string SourcePath([CallerFilePath] string here = "") => here;
}
