using System.Buffers.Binary;
using System.Text;
using V2V.Storage;

namespace V2V.FileSystems.Signatures;

/// <summary>
/// A volume as the signature checks see it: the first 72 KiB (where nearly all of them look) are read once, anything else on
/// demand. A range outside the volume gives an empty span, which no check accepts.
/// </summary>
internal sealed class SignatureReader
{
    private const int HeadLength = 72 << 10;

    private readonly BlockDevice _device;
    private readonly byte[] _head;

    public SignatureReader(BlockDevice device)
    {
        _device = device;
        _head = new byte[(int)Math.Min(HeadLength, device.Length)];
        device.Read(0, _head);
    }

    /// <summary>Length of the volume in bytes.</summary>
    public long Length => _device.Length;

    /// <summary>Bytes of the volume, or an empty span if the range is not wholly inside.</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int length)
    {
        if (offset < 0 || offset > Length - length)
        {
            return default;
        }

        if (offset + length <= _head.Length)
        {
            return _head.AsSpan((int)offset, length);
        }

        var bytes = new byte[length];
        _device.Read(offset, bytes);
        return bytes;
    }

    /// <summary>True if the volume holds these bytes at this place.</summary>
    public bool Has(long offset, ReadOnlySpan<byte> magic) => Bytes(offset, magic.Length).SequenceEqual(magic) && !magic.IsEmpty;

    /// <summary>A UUID in blkid's form; null if all bytes are zero.</summary>
    public static string? Uuid(ReadOnlySpan<byte> bytes) =>
        bytes.Length < 16 || !bytes[..16].ContainsAnyExcept((byte)0) ? null : new Guid(bytes[..16], bigEndian: true).ToString("D");

    /// <summary>A label stored as bytes: up to the first NUL, white space at the end removed; null if nothing is left.</summary>
    public static string? Label(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Trim(GuestName.Decode(end < 0 ? bytes : bytes[..end]));
    }

    /// <summary>A label stored as UTF-16, up to the first NUL.</summary>
    public static string? Label16(ReadOnlySpan<byte> bytes, bool bigEndian = false)
    {
        var text = new StringBuilder(bytes.Length / 2);
        for (int i = 0; i + 1 < bytes.Length; i += 2)
        {
            char c = (char)(bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]) : BinaryPrimitives.ReadUInt16LittleEndian(bytes[i..]));
            if (c == '\0')
            {
                break;
            }

            text.Append(c);
        }

        return Trim(text.ToString());
    }

    /// <summary>Removes white space at the end; null if nothing is left.</summary>
    public static string? Trim(string text)
    {
        string trimmed = text.TrimEnd(' ', '\t', '\n', '\v', '\f', '\r');
        return trimmed.Length == 0 ? null : trimmed;
    }
}
