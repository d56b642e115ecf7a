using V2V.Core.Guest;
using V2V.Core.Inspection;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// Frames a cpio archive so that the kernel unpacks it behind an existing initramfs (init/initramfs.c): zeros up to a multiple of 4, then
/// the archive as it is, which works after every compression but LZ4 on a kernel before 5.10 (see <see cref="Lz4LegacyFrame"/>).
/// </summary>
internal static class InitramfsAppender
{
    /// <summary>A decoder that has read all it wants may look at one more word; zeros tell it that its stream is over.</summary>
    private const int Gap = 8;

    /// <summary>What is to be appended to an initramfs so that it ends with the archive.</summary>
    internal static byte[] Frame(GuestTree tree, KernelInfo kernel, ReadOnlySpan<byte> archive, CancellationToken cancellation)
    {
        using Stream file = tree.OpenRead(kernel.InitramfsPath!);
        if (kernel.InitramfsCompression == "lz4")
        {
            long start = InitramfsListing.Read(file, kernel.Version, readCompressed: false, cancellation).CompressedStart;
            if (start < file.Length && Lz4LegacyFrame.EndsWithFile(file, start))
            {
                return Lz4LegacyFrame.Continue(archive);
            }
        }

        int padding = (int)(-file.Length & 3) + Gap;
        var framed = new byte[padding + archive.Length];
        archive.CopyTo(framed.AsSpan(padding));
        return framed;
    }
}
