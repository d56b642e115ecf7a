using System.Buffers.Binary;
using System.Text;

namespace V2V.FileSystems.Signatures;

/// <summary>ISO 9660 (ECMA-119) with Joliet, and UDF (ECMA-167).</summary>
internal static class OpticalSignatures
{
    private const int DescriptorStart = 0x8000;
    private const int MaximumDescriptors = 64;

    /// <summary>ISO 9660: the label is Joliet's where there is one, its tail beyond 16 characters the primary descriptor's.</summary>
    public static VolumeSignature Iso9660(SignatureReader reader)
    {
        ReadOnlySpan<byte> primary = default;
        ReadOnlySpan<byte> joliet = default;
        for (int i = 0; i < 16; i++)
        {
            ReadOnlySpan<byte> descriptor = reader.Bytes(DescriptorStart + (i * 2048), 2048);
            if (descriptor.IsEmpty || !descriptor[1..].StartsWith("CD001"u8) || descriptor[0] == 0xFF)
            {
                break;
            }

            if (descriptor[0] == 1 && primary.IsEmpty)
            {
                primary = descriptor;
            }
            else if (descriptor[0] == 2 && descriptor[88] == (byte)'%' && descriptor[89] == (byte)'/' && descriptor[90] is (byte)'@' or (byte)'C' or (byte)'E')
            {
                joliet = descriptor;
            }
        }

        if (primary.IsEmpty)
        {
            return default;
        }

        ReadOnlySpan<byte> ascii = primary.Slice(40, 32);
        string? label = joliet.IsEmpty ? SignatureReader.Label(ascii) : JolietLabel(joliet.Slice(40, 32), ascii);
        return new VolumeSignature("iso9660", Date(primary.Slice(830, 17)) ?? Date(primary.Slice(813, 17)), label);
    }

    /// <summary>UDF: recognised by its volume recognition sequence; names from the main volume descriptor sequence.</summary>
    public static VolumeSignature Udf(SignatureReader reader)
    {
        foreach (int blockSize in (ReadOnlySpan<int>)[512, 1024, 2048, 4096])
        {
            if (!HasRecognitionSequence(reader, blockSize))
            {
                continue;
            }

            ReadOnlySpan<byte> anchor = reader.Bytes(256L * blockSize, 512);
            if (!IsDescriptor(anchor, 2, 256))
            {
                continue;
            }

            uint length = BinaryPrimitives.ReadUInt32LittleEndian(anchor[16..]);
            uint start = BinaryPrimitives.ReadUInt32LittleEndian(anchor[20..]);
            return ReadVolumeDescriptors(reader, blockSize, start, (int)Math.Min(length / (uint)blockSize, MaximumDescriptors));
        }

        return default;
    }

    private static VolumeSignature ReadVolumeDescriptors(SignatureReader reader, int blockSize, uint start, int count)
    {
        string? label = null;
        string? uuid = null;
        for (int i = 0; i < count; i++)
        {
            long block = start + (long)i;
            ReadOnlySpan<byte> descriptor = reader.Bytes(block * blockSize, 512);
            if (descriptor.IsEmpty)
            {
                break;
            }

            switch (BinaryPrimitives.ReadUInt16LittleEndian(descriptor))
            {
                case 1:
                    uuid ??= VolumeSetUuid(DString(descriptor.Slice(72, 128)));
                    label ??= SignatureReader.Trim(DString(descriptor.Slice(24, 32)));
                    break;
                case 6:
                    label = SignatureReader.Trim(DString(descriptor.Slice(84, 128))) ?? label;
                    break;
                case 8:
                    return new VolumeSignature("udf", uuid, label);
            }
        }

        return new VolumeSignature("udf", uuid, label);
    }

    private static bool HasRecognitionSequence(SignatureReader reader, int blockSize)
    {
        int stride = Math.Max(blockSize, 2048);
        for (int i = 0; i < MaximumDescriptors; i++)
        {
            ReadOnlySpan<byte> name = reader.Bytes(DescriptorStart + ((long)i * stride) + 1, 5);
            if (name.SequenceEqual("NSR02"u8) || name.SequenceEqual("NSR03"u8))
            {
                return true;
            }

            if (!name.SequenceEqual("BEA01"u8) && !name.SequenceEqual("BOOT2"u8) && !name.SequenceEqual("CD001"u8) && !name.SequenceEqual("CDW02"u8))
            {
                return false;
            }
        }

        return false;
    }

    private static bool IsDescriptor(ReadOnlySpan<byte> descriptor, ushort tag, uint location) =>
        !descriptor.IsEmpty
        && BinaryPrimitives.ReadUInt16LittleEndian(descriptor) == tag
        && BinaryPrimitives.ReadUInt32LittleEndian(descriptor[12..]) == location;

    /// <summary>OSTA compressed Unicode in a field whose last byte is its length.</summary>
    private static string DString(ReadOnlySpan<byte> field)
    {
        int length = Math.Min((int)field[^1], field.Length - 1);
        if (length < 2)
        {
            return "";
        }

        return field[0] switch
        {
            8 or 254 => Encoding.Latin1.GetString(field[1..length]).TrimEnd('\0'),
            16 or 255 => Encoding.BigEndianUnicode.GetString(field[1..(1 + ((length - 1) & ~1))]).TrimEnd('\0'),
            _ => "",
        };
    }

    /// <summary>The first 16 characters of the volume set's identifier where they are hexadecimal digits, else their bytes in hexadecimal.</summary>
    private static string? VolumeSetUuid(string volumeSet)
    {
        if (volumeSet.Length == 0)
        {
            return null;
        }

        byte[] text = Encoding.UTF8.GetBytes(volumeSet);
        Array.Resize(ref text, 16);
        int digits = 0;
        while (digits < 16 && char.IsAsciiHexDigit((char)text[digits]))
        {
            digits++;
        }

        string head = Encoding.Latin1.GetString(text);
        return digits switch
        {
            16 => head.ToLowerInvariant(),
            >= 8 => head[..8].ToLowerInvariant() + Convert.ToHexStringLower(text.AsSpan(8, 4)),
            _ => Convert.ToHexStringLower(text.AsSpan(0, 8)),
        };
    }

    private static string? JolietLabel(ReadOnlySpan<byte> unicode, ReadOnlySpan<byte> ascii)
    {
        var merged = new StringBuilder(32);
        int position = 0;
        for (; position < 16; position++)
        {
            char wide = (char)BinaryPrimitives.ReadUInt16BigEndian(unicode[(position * 2)..]);
            char narrow = (char)ascii[position];
            if (narrow != '_' && char.ToUpperInvariant(narrow) != char.ToUpperInvariant(wide))
            {
                return SignatureReader.Label16(unicode, bigEndian: true);
            }

            merged.Append(wide);
        }

        merged.Append(Encoding.Latin1.GetString(ascii[position..]));
        string text = merged.ToString();
        int end = text.IndexOf('\0', StringComparison.Ordinal);
        return SignatureReader.Trim(end < 0 ? text : text[..end]);
    }

    private static string? Date(ReadOnlySpan<byte> date)
    {
        if (!date[..16].ContainsAnyExcept("0\0 "u8))
        {
            return null;
        }

        string digits = Encoding.Latin1.GetString(date[..16]);
        return digits.All(char.IsAsciiDigit)
            ? $"{digits[..4]}-{digits[4..6]}-{digits[6..8]}-{digits[8..10]}-{digits[10..12]}-{digits[12..14]}-{digits[14..]}"
            : null;
    }
}
