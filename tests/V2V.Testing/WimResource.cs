using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.Testing;

/// <summary>Compression of files as Windows' WOF (CompactOS) keeps them: a resource of a WIM archive, which wimlib makes.</summary>
public static class WimResource
{
    private const int HeaderAt = 48;
    private const int EntrySize = 50;

    /// <summary>The bytes of a file's resource: its table of chunks, and the chunks.</summary>
    /// <param name="scratch">Where to work.</param>
    /// <param name="content">The file.</param>
    /// <param name="compression"><c>XPRESS</c> or <c>LZX</c>.</param>
    /// <param name="chunkSize"><c>4K</c>, <c>8K</c>, <c>16K</c> or <c>32K</c>.</param>
    public static byte[] Compress(TemporaryDirectory scratch, byte[] content, string compression, string chunkSize)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        ArgumentNullException.ThrowIfNull(content);
        Tool.Require("wimlib-imagex");
        string name = Guid.NewGuid().ToString("N"), folder = Directory.CreateDirectory(scratch.File(name)).FullName, archive = scratch.File(name + ".wim");
        File.WriteAllBytes(Path.Combine(folder, "file"), content);
        Tool.Run("wimlib-imagex", "capture", folder, archive, "--compress=" + compression, "--chunk-size=" + chunkSize);
        byte[] wim = File.ReadAllBytes(archive);
        (long offset, long size, _) = Read(wim, HeaderAt);
        for (long at = offset; at + EntrySize <= offset + size; at += EntrySize)
        {
            (long start, long stored, long original) = Read(wim, (int)at);
            if (original == content.Length)
            {
                return wim[(int)start..(int)(start + stored)];
            }
        }

        throw new InvalidOperationException("the archive does not hold the file");
    }

    private static (long Offset, long Size, long Original) Read(byte[] wim, int at) =>
        (ReadInt64LittleEndian(wim.AsSpan(at + 8)), ReadInt64LittleEndian(wim.AsSpan(at)) & 0xFFFFFFFFFFFFFF, ReadInt64LittleEndian(wim.AsSpan(at + 16)));
}
