using System.Buffers.Binary;
using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Kernels;

/// <summary>
/// The header of an x86 kernel image (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"): <c>HdrS</c> at 0x202, and at 0x20E the
/// place of the version's text, counted from 0x200.
/// </summary>
internal static class KernelImage
{
    private const int Start = 0x200;
    private const int MaxText = 128;

    /// <summary>The version as uname -r prints it; null for an image of another kind.</summary>
    internal static string? ReadVersion(GuestTree tree, string path)
    {
        try
        {
            using Stream file = tree.OpenRead(path);
            Span<byte> header = stackalloc byte[16];
            file.Position = Start;
            if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length || !header[2..6].SequenceEqual("HdrS"u8)
                || BinaryPrimitives.ReadUInt16LittleEndian(header[14..]) is not (> 0 and var at))
            {
                return null;
            }

            Span<byte> text = stackalloc byte[MaxText];
            file.Position = Start + at;
            text = text[..file.ReadAtLeast(text, text.Length, throwOnEndOfStream: false)];
            int end = text.IndexOfAny(" \0\n"u8);
            string version = GuestText.Decode(end < 0 ? [] : text[..end]);
            return IsVersion(version) ? version : null;
        }
        catch (V2VException)
        {
            // What cannot be read has no version; whoever needs the image itself says why.
            return null;
        }
    }

    /// <summary>True for a text that can be a version, and so the name of a directory.</summary>
    internal static bool IsVersion(string text) =>
        text.Length > 0 && char.IsAsciiDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '+' or '~');
}
