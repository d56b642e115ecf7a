namespace V2V.Core.Inspection.Initramfs;

/// <summary>
/// An initrd of the kind before Linux 2.6: the image of a file system, plain or compressed as a whole, that the kernel mounts from a RAM disk
/// (Documentation/admin-guide/initrd.rst; the magic numbers are those of do_mounts_rd.c). RHEL 3 and SLES 8 have them, and Debian 3.1. Nothing can be appended to one.
/// </summary>
internal static class InitrdImage
{
    private const int HeaderLength = 2048;
    private const int ExtMagicOffset = 1024 + 56;
    private const int MinixMagicOffset = 1024 + 16;

    /// <summary>Name of the file system; null if there is none.</summary>
    /// <param name="file">The initrd: seekable.</param>
    internal static string? Identify(Stream file)
    {
        try
        {
            var header = new byte[HeaderLength];
            file.Position = 0;
            int length = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            if (Decompression.Identify(header.AsSpan(0, length)) is { } compression)
            {
                file.Position = 0;
                using Stream plain = Decompression.Open(compression, file);
                length = plain.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            }

            return length < HeaderLength ? null : Identify(header);
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
        {
            // Whatever it is, it is no image that can be told; the damage itself is reported by the caller.
            return null;
        }
    }

    private static string? Identify(ReadOnlySpan<byte> header) =>
        header[ExtMagicOffset..].StartsWith((ReadOnlySpan<byte>)[0x53, 0xEF]) ? "ext2"
        : header.StartsWith((ReadOnlySpan<byte>)[0x45, 0x3D, 0xCD, 0x28]) || header.StartsWith((ReadOnlySpan<byte>)[0x28, 0xCD, 0x3D, 0x45]) ? "cramfs"
        : header.StartsWith("-rom1fs-"u8) ? "romfs"
        : header.StartsWith("hsqs"u8) || header.StartsWith("sqsh"u8) ? "squashfs"
        : header[MinixMagicOffset..].StartsWith((ReadOnlySpan<byte>)[0x7F, 0x13]) || header[MinixMagicOffset..].StartsWith((ReadOnlySpan<byte>)[0x8F, 0x13]) ? "minix"
        : null;
}
