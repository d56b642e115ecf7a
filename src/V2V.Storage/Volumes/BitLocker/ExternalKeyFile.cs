using System.Buffers.Binary;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>A startup or recovery key that Windows saved as a file (.BEK): a header like that of the metadata, and the key (libbde, BitLocker External Key file).</summary>
internal static class ExternalKeyFile
{
    private const int HeaderSize = 48;
    private const int MaxSize = 64 << 10;
    private const int FixedSize = 24;

    /// <summary>Reads a file.</summary>
    /// <returns>The keys with the identities of the protectors that they open; empty if it is no such file.</returns>
    internal static List<(Guid Id, PlainKey Key)> Read(byte[] content)
    {
        var found = new List<(Guid Id, PlainKey Key)>();
        if (content.Length is <= HeaderSize or > MaxSize || BinaryPrimitives.ReadUInt32LittleEndian(content) > content.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(4)) != 1 || BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(8)) != HeaderSize)
        {
            return found;
        }

        int end = (int)Math.Clamp(BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(12)), HeaderSize, (uint)content.Length);
        try
        {
            foreach (Datum entry in Datum.ReadAll(content.AsMemory(HeaderSize, end - HeaderSize), "").Where(e => e.Type == DatumType.ExternalKey && e.Data.Length >= FixedSize))
            {
                ReadOnlyMemory<byte> key = Datum.ReadAll(entry.Data[FixedSize..], "").FirstOrDefault(p => p.Type == DatumType.Key).Data;
                if (PlainKey.Read(key.Span) is { } plain)
                {
                    found.Add((new Guid(entry.Data.Span[..16]), plain));
                }
            }
        }
        catch (V2VException)
        {
            // A key file of another kind that begins alike.
        }

        return found;
    }
}
