using System.IO.Compression;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.LZMA;
using V2V.Storage;
using ZstdSharp;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>The compressions that the kernel's build knows for an initramfs (lib/decompress.c).</summary>
internal static class Decompression
{
    /// <summary>No codec reads further ahead of what it has decoded than this.</summary>
    internal const int MaxReadAhead = 128 << 10;

    private const int ZstdMaxWindowLog = 27;
    private const uint MaxDictionary = 128 << 20;

    private static readonly (byte[] Magic, string Name)[] s_magics =
    [
        ([0x1F, 0x8B], "gzip"), ([0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0], "xz"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
        ([0x02, 0x21, 0x4C, 0x18], "lz4"), ([0x5D, 0, 0], "lzma"), ([(byte)'B', (byte)'Z', (byte)'h'], "bzip2"),
        ([0x89, (byte)'L', (byte)'Z', (byte)'O', 0, 0x0D, 0x0A, 0x1A, 0x0A], "lzo"),
    ];

    /// <summary>The compression that begins with these bytes, or null.</summary>
    internal static string? Identify(ReadOnlySpan<byte> start)
    {
        foreach ((byte[] magic, string name) in s_magics)
        {
            if (start.StartsWith(magic))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>A stream of the decompressed bytes. <paramref name="source"/> stays open, positioned up to <see cref="MaxReadAhead"/> too far.</summary>
    internal static Stream Open(string compression, Stream source) => compression switch
    {
        "gzip" => new GZipStream(source, CompressionMode.Decompress, leaveOpen: true),
        "xz" => new XzStream(source),
        "zstd" => OpenZstd(source),
        "lz4" => new Lz4LegacyStream(source),
        "lzma" => OpenLzma(source),
        "bzip2" => BZip2Stream.Create(source, SharpCompress.Compressors.CompressionMode.Decompress, false, leaveOpen: true),
        "lzo" => new LzopStream(source),
        _ => throw V2VException.Unsupported("InitramfsCompressionUnsupported", $"The initramfs is compressed with {compression}, which V2V does not know."),
    };

    /// <summary>Refuses a dictionary that would take more memory than any real initramfs asks for.</summary>
    internal static void CheckDictionary(uint size)
    {
        if (size > MaxDictionary)
        {
            throw new V2VException("InitramfsTooLarge", V2VErrorKind.Limit, $"The initramfs asks for a dictionary of {size >> 20} MiB; at most {MaxDictionary >> 20} MiB are allowed.");
        }
    }

    private static DecompressionStream OpenZstd(Stream source)
    {
        var stream = new DecompressionStream(source, 64 << 10, checkEndOfStream: true, leaveOpen: true);
        stream.SetParameter(ZstdSharp.Unsafe.ZSTD_dParameter.ZSTD_d_windowLogMax, ZstdMaxWindowLog);
        return stream;
    }

    /// <summary>The .lzma form: properties, dictionary size, uncompressed size (or -1), data.</summary>
    private static LzmaStream OpenLzma(Stream source)
    {
        var header = new byte[13];
        source.ReadExactly(header);
        CheckDictionary(BitConverter.ToUInt32(header, 1));
        long size = BitConverter.ToInt64(header, 5);
        return LzmaStream.Create(header[..5], source, -1, size < 0 ? -1 : size, null!, false, leaveOpen: true);
    }
}
