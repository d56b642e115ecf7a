using System.Buffers.Binary;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>What a datum is for.</summary>
internal enum DatumRole
{
    /// <summary>A property of the datum that it lies in.</summary>
    Property = 0,

    /// <summary>A protector: the volume's master key, encrypted in one of several ways.</summary>
    MasterKey = 2,

    /// <summary>The key of the data, encrypted by the master key.</summary>
    VolumeKey = 3,

    /// <summary>An external key in a .BEK file.</summary>
    StartupKey = 6,

    /// <summary>The name that the user sees.</summary>
    Description = 7,
}

/// <summary>How a datum's bytes are laid out.</summary>
internal enum DatumType
{
    Key = 1,
    Text = 2,
    StretchKey = 3,
    EncryptedKey = 5,
    TpmBlob = 6,
    MasterKey = 8,
    ExternalKey = 9,
}

/// <summary>An entry of the metadata: size, role, type and flags of 16 bits each, then its data (libbde, FVE metadata entry).</summary>
/// <param name="Role">What it is for.</param>
/// <param name="Type">How its data is laid out.</param>
/// <param name="Data">Its data.</param>
internal readonly record struct Datum(DatumRole Role, DatumType Type, ReadOnlyMemory<byte> Data)
{
    /// <summary>Bytes before the data.</summary>
    internal const int HeaderSize = 8;

    /// <summary>Reads entries that lie one after another; nested ones are not looked into.</summary>
    /// <exception cref="V2VException"><c>BitLockerMetadataDamaged</c>: an entry reaches past the end.</exception>
    internal static List<Datum> ReadAll(ReadOnlyMemory<byte> bytes, string target)
    {
        var found = new List<Datum>();
        while (bytes.Length >= HeaderSize)
        {
            ReadOnlySpan<byte> header = bytes.Span;
            int size = BinaryPrimitives.ReadUInt16LittleEndian(header);
            if (size == 0)
            {
                // Padding.
                break;
            }

            if (size < HeaderSize || size > bytes.Length)
            {
                throw BitLockerErrors.Damaged("an entry reaches past its end", target);
            }

            found.Add(new Datum(
                (DatumRole)BinaryPrimitives.ReadUInt16LittleEndian(header[2..]), (DatumType)BinaryPrimitives.ReadUInt16LittleEndian(header[4..]), bytes[HeaderSize..size]));
            bytes = bytes[size..];
        }

        return found;
    }
}
