using System.IO.Compression;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.Xz;
using ZstdSharp;

namespace V2V.Core.Sources.Containers;

/// <summary>How a file is compressed as a whole.</summary>
internal enum CompressionKind
{
    None,
    Gzip,
    Xz,
    BZip2,
    Zstd,
}

/// <summary>Tells compressions by their first bytes and opens their decompressors.</summary>
internal static class Compressions
{
    /// <summary>The compression by content.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> start) =>
        start.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B, 8]) ? CompressionKind.Gzip
        : start.StartsWith((ReadOnlySpan<byte>)[0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]) ? CompressionKind.Xz
        : start.StartsWith("BZh"u8) && start.Length > 9 && start[4..].StartsWith((ReadOnlySpan<byte>)[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) ? CompressionKind.BZip2
        : start.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]) ? CompressionKind.Zstd
        : CompressionKind.None;

    /// <summary>A stream of the decompressed bytes; owns the other one.</summary>
    public static Stream Open(Stream compressed, CompressionKind kind) => kind switch
    {
        CompressionKind.Gzip => new GZipStream(compressed, CompressionMode.Decompress),
        CompressionKind.Xz => new XZStream(compressed),
        CompressionKind.BZip2 => BZip2Stream.Create(compressed, SharpCompress.Compressors.CompressionMode.Decompress, true),
        CompressionKind.Zstd => new DecompressionStream(compressed, leaveOpen: false),
        _ => compressed,
    };
}
