using System.Numerics;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Which clusters are in use (<c>$Bitmap</c>), read in pieces as they are needed. Changed pieces are written by <see cref="Flush"/>.
/// </summary>
internal sealed partial class ClusterBitmap(NtfsVolume volume)
{
    private const int PieceBytes = 64 << 10;
    private const long PieceBits = PieceBytes * 8L;
    private const int MaxCleanPieces = 512;

    private readonly NtfsAttribute _data = volume.Mft.Get(NtfsVolume.BitmapNumber).Get(AttributeType.Data);
    private readonly Dictionary<long, Piece> _pieces = [];
    private long _free = -1;
    private long _next;

    private sealed class Piece(byte[] bits)
    {
        public byte[] Bits { get; } = bits;

        public bool Dirty { get; set; }
    }

    /// <summary>Number of free clusters; counted at the first use.</summary>
    public long FreeClusters
    {
        get
        {
            if (_free < 0)
            {
                _free = FreeRuns().Sum(r => r.Count);
            }

            return _free;
        }
    }

    /// <summary>Free clusters in ascending order.</summary>
    public IEnumerable<(long Lcn, long Count)> FreeRuns()
    {
        long start = -1;
        for (long at = 0; at < volume.Geometry.ClusterCount;)
        {
            byte[] bits = Get(at / PieceBits).Bits;
            long end = Math.Min(volume.Geometry.ClusterCount, ((at / PieceBits) + 1) * PieceBits);
            while (at < end)
            {
                bool used = start < 0;
                long next = Scan(bits, at, end, used);
                if (next < end)
                {
                    if (used)
                    {
                        start = next;
                    }
                    else
                    {
                        yield return (start, next - start);
                        start = -1;
                    }
                }

                at = next;
            }
        }

        if (start >= 0)
        {
            yield return (start, volume.Geometry.ClusterCount - start);
        }
    }

    /// <summary>First cluster in [at, end) of a piece whose bit is not <paramref name="used"/>.</summary>
    private static long Scan(byte[] bits, long at, long end, bool used)
    {
        byte whole = used ? (byte)0xFF : (byte)0;
        while (at < end)
        {
            int index = (int)(at % PieceBits);
            if (index % 8 == 0 && end - at >= 8 && bits[index / 8] == whole)
            {
                at += 8;
                continue;
            }

            int others = (used ? ~bits[index / 8] : bits[index / 8]) & (0xFF << (index % 8)) & 0xFF;
            if (others != 0)
            {
                return Math.Min(end, at - (index % 8) + BitOperations.TrailingZeroCount(others));
            }

            at += 8 - (index % 8);
        }

        return end;
    }

    private Piece Get(long number)
    {
        if (_pieces.TryGetValue(number, out Piece? piece))
        {
            return piece;
        }

        if (_pieces.Count >= MaxCleanPieces)
        {
            foreach (long clean in _pieces.Where(pair => !pair.Value.Dirty).Select(pair => pair.Key).ToArray())
            {
                _pieces.Remove(clean);
            }
        }

        long offset = number * PieceBytes;
        int length = (int)Math.Min(PieceBytes, ((volume.Geometry.ClusterCount + 7) / 8) - offset);
        if (offset + length > _data.Length)
        {
            throw NtfsErrors.Bitmap("$Bitmap is smaller than the volume");
        }

        piece = new Piece(new byte[length]);
        volume.Content.Read(_data, offset, piece.Bits);
        _pieces.Add(number, piece);
        return piece;
    }
}
