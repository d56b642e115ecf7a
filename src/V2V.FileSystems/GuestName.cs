using System.Buffers;
using System.Text;
using V2V.Storage;

namespace V2V.FileSystems;

/// <summary>
/// File names between guest bytes and .NET strings. Unix file systems store names as bytes that are usually, but not
/// necessarily, UTF-8. A byte that is not part of well-formed UTF-8 becomes the lone surrogate U+DC00 + byte, so that every
/// name survives a round trip.
/// </summary>
public static class GuestName
{
    /// <summary>A path's bytes are limited to 4096 by every system, so its names are to half of it.</summary>
    private const int MaxDepth = 2048;

    /// <summary>Decodes the bytes of a name.</summary>
    public static string Decode(ReadOnlySpan<byte> name)
    {
        var text = new StringBuilder(name.Length);
        while (!name.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(name, out Rune rune, out int consumed) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
                name = name[consumed..];
            }
            else
            {
                text.Append((char)(0xDC00 + name[0]));
                name = name[1..];
            }
        }

        return text.ToString();
    }

    /// <summary>Encodes a name as the bytes it was decoded from.</summary>
    public static byte[] Encode(string name)
    {
        var bytes = new ArrayBufferWriter<byte>(name.Length + 8);
        Span<byte> one = stackalloc byte[4];
        for (int i = 0; i < name.Length;)
        {
            char c = name[i];
            if (c is >= '\uDC80' and <= '\uDCFF' && (i == 0 || !char.IsHighSurrogate(name[i - 1])))
            {
                bytes.Write([(byte)(c - 0xDC00)]);
                i++;
                continue;
            }

            Rune.DecodeFromUtf16(name.AsSpan(i), out Rune rune, out int consumed);
            bytes.Write(one[..rune.EncodeToUtf8(one)]);
            i += consumed;
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The names of an absolute path; none for the root.</summary>
    /// <exception cref="V2VException"><c>GuestPathInvalid</c>: not absolute, a NUL, "." or "..", or deeper than any path can be.</exception>
    internal static string[] SplitPath(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return path.StartsWith('/') && names.Length <= MaxDepth && !names.Any(n => n is "." or ".." || n.Contains('\0', StringComparison.Ordinal))
            ? names
            : throw GuestPathErrors.Invalid(path);
    }
}
