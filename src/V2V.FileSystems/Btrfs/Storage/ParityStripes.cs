using System.Buffers;

namespace V2V.FileSystems.Btrfs.Storage;

/// <summary>
/// Data of RAID5 and RAID6 rebuilt from the other stripes: P is the exclusive or of the data, Q its sum with powers of 2 as factors in
/// GF(2^8) with the polynomial 0x11D. The stripes rotate by one with each row.
/// </summary>
internal static class ParityStripes
{
    /// <summary>Rebuilds a piece of one stripe.</summary>
    /// <param name="map">The chunks.</param>
    /// <param name="chunk">The chunk.</param>
    /// <param name="within">First byte relative to the chunk; the piece does not cross its stripe.</param>
    /// <param name="target">Takes the data.</param>
    /// <param name="useSecond">True to use Q: alone, or together with P if another stripe is missing too.</param>
    public static bool TryRebuild(ChunkMap map, Chunk chunk, long within, Span<byte> target, bool useSecond)
    {
        int data = chunk.DataStripes;
        int total = chunk.Stripes.Length;
        long row = within / Chunk.StripeLength / data;
        int wanted = (int)(within / Chunk.StripeLength % data);
        long offset = (row * Chunk.StripeLength) + (within % Chunk.StripeLength);
        byte[] rented = ArrayPool<byte>.Shared.Rent(target.Length * 3);
        try
        {
            Span<byte> piece = rented.AsSpan(0, target.Length);
            Span<byte> p = rented.AsSpan(target.Length, target.Length);
            Span<byte> q = rented.AsSpan(target.Length * 2, target.Length);
            bool hasP = Read(data, p);
            if (!useSecond)
            {
                p.CopyTo(target);
            }
            else if (!Read(data + 1, q))
            {
                return false;
            }

            int other = -1;
            for (int i = 0; i < data; i++)
            {
                if (i == wanted)
                {
                    continue;
                }

                if (!Read(i, piece))
                {
                    if (other >= 0 || !useSecond)
                    {
                        return false;
                    }

                    other = i;
                    continue;
                }

                for (int b = 0; b < piece.Length; b++)
                {
                    if (useSecond)
                    {
                        q[b] ^= Galois.Multiply(piece[b], Galois.Power(i));
                        p[b] ^= piece[b];
                    }
                    else
                    {
                        target[b] ^= piece[b];
                    }
                }
            }

            if (!useSecond)
            {
                return hasP;
            }

            if (other >= 0 && !hasP)
            {
                return false;
            }

            // Without another gap Q alone gives the data; with one, P and Q are two equations for two stripes.
            byte factor = other < 0
                ? Galois.Inverse(Galois.Power(wanted))
                : Galois.Inverse((byte)(Galois.Power(wanted) ^ Galois.Power(other)));
            for (int b = 0; b < target.Length; b++)
            {
                byte sum = other < 0 ? q[b] : (byte)(q[b] ^ Galois.Multiply(p[b], Galois.Power(other)));
                target[b] = Galois.Multiply(sum, factor);
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        bool Read(int index, Span<byte> buffer)
        {
            int stripe = (int)((index + row) % total);
            return map.TryReadStripe(chunk, stripe, chunk.Stripes[stripe].Offset + offset, buffer);
        }
    }

    /// <summary>Arithmetic in GF(2^8).</summary>
    private static class Galois
    {
        private static readonly byte[] s_powers = MakePowers();
        private static readonly byte[] s_logarithms = MakeLogarithms();

        public static byte Power(int exponent) => s_powers[exponent % 255];

        public static byte Multiply(byte a, byte b) => a == 0 || b == 0 ? (byte)0 : s_powers[(s_logarithms[a] + s_logarithms[b]) % 255];

        public static byte Inverse(byte a) => s_powers[(255 - s_logarithms[a]) % 255];

        private static byte[] MakePowers()
        {
            var powers = new byte[255];
            int value = 1;
            for (int i = 0; i < powers.Length; i++)
            {
                powers[i] = (byte)value;
                value <<= 1;
                value ^= value > 255 ? 0x11D : 0;
            }

            return powers;
        }

        private static byte[] MakeLogarithms()
        {
            var logarithms = new byte[256];
            for (int i = 0; i < 255; i++)
            {
                logarithms[s_powers[i]] = (byte)i;
            }

            return logarithms;
        }
    }
}
