using System.Buffers.Binary;
using V2V.Core.Guest;
using V2V.Core.Inspection.Initramfs;
using V2V.Storage;

namespace V2V.Core.Inspection.Kernels;

/// <summary>
/// A unified kernel image (UAPI.5): a PE program of systemd-stub with the kernel, its version and its initramfs in sections (PE format, "Section Table").
/// A signature covers all of it, and the stub loads nothing behind a section's end, so that nothing can be appended to its initramfs.
/// </summary>
internal static class UnifiedKernel
{
    private const int MaxHeader = 64 << 10;
    private const int MaxSections = 96;
    private const int SectionLength = 40;
    private const int MaxVersion = 128;
    private const int MaxCommandLine = 64 << 10;

    /// <summary>The version in section <c>.uname</c>; null if the file is no such image, or does not say.</summary>
    internal static string? ReadVersion(GuestTree tree, string path) =>
        ReadText(tree, path, ".uname"u8, MaxVersion) is { } version && KernelImage.IsVersion(version) ? version : null;

    /// <summary>The kernel's command line in section <c>.cmdline</c>; null if the loader gives it.</summary>
    internal static string? ReadCommandLine(GuestTree tree, string path) => ReadText(tree, path, ".cmdline"u8, MaxCommandLine);

    /// <summary>What its initramfs holds; null if it has none.</summary>
    internal static InitramfsContents? ReadInitramfs(GuestTree tree, string path, CancellationToken cancellation)
    {
        try
        {
            using Stream file = tree.OpenRead(path);
            if (FindSection(file, ".initrd"u8) is not { } section)
            {
                return null;
            }

            using var initramfs = new RangeStream(file, section.Offset, section.Length);
            using var buffered = new BufferedStream(initramfs, 256 << 10);
            return InitramfsReader.Read(buffered, cancellation);
        }
        catch (V2VException e)
        {
            return new InitramfsContents { Problem = e.Message };
        }
    }

    private static string? ReadText(GuestTree tree, string path, ReadOnlySpan<byte> name, int maximum)
    {
        try
        {
            using Stream file = tree.OpenRead(path);
            if (FindSection(file, name) is not { } section || section.Length > maximum)
            {
                return null;
            }

            var text = new byte[section.Length];
            file.Position = section.Offset;
            file.ReadExactly(text);
            return GuestText.Decode(text).TrimEnd('\0', '\n', ' ');
        }
        catch (V2VException)
        {
            return null;
        }
    }

    /// <summary>Where a section's content lies in the file; null if there is none that lies within it.</summary>
    private static (long Offset, long Length)? FindSection(Stream file, ReadOnlySpan<byte> name)
    {
        var header = new byte[(int)Math.Min(MaxHeader, file.Length)];
        file.Position = 0;
        file.ReadExactly(header);
        ReadOnlySpan<byte> bytes = header;
        if (bytes.Length < 64 || !bytes.StartsWith("MZ"u8) || BinaryPrimitives.ReadUInt32LittleEndian(bytes[60..]) is var at && (at > bytes.Length - 24 || !bytes[(int)at..].StartsWith("PE\0\0"u8)))
        {
            return null;
        }

        ReadOnlySpan<byte> pe = bytes[(int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[60..])..];
        int count = Math.Min((int)BinaryPrimitives.ReadUInt16LittleEndian(pe[6..]), MaxSections);
        int table = 24 + BinaryPrimitives.ReadUInt16LittleEndian(pe[20..]);
        for (int i = 0; i < count && table + SectionLength <= pe.Length; i++, table += SectionLength)
        {
            ReadOnlySpan<byte> section = pe.Slice(table, SectionLength);
            if (!section[..8].TrimEnd((byte)0).SequenceEqual(name))
            {
                continue;
            }

            long length = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(section[8..]), BinaryPrimitives.ReadUInt32LittleEndian(section[16..]));
            long offset = BinaryPrimitives.ReadUInt32LittleEndian(section[20..]);
            return length > 0 && offset + length <= file.Length ? (offset, length) : null;
        }

        return null;
    }

    /// <summary>A part of a stream.</summary>
    private sealed class RangeStream(Stream inner, long start, long length) : PositionalStream
    {
        public override long Length => length;

        public override int Read(Span<byte> buffer)
        {
            inner.Position = start + Position;
            int read = inner.Read(buffer[..(int)Math.Clamp(length - Position, 0, buffer.Length)]);
            Position += read;
            return read;
        }
    }
}
