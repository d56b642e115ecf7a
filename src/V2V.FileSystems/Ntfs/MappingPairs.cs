namespace V2V.FileSystems.Ntfs;

/// <summary>
/// The stored form of runs: a byte with the widths of length and offset, then both as little-endian integers; the offset is signed
/// and relative to the run before, and absent for a hole. A zero byte ends the list.
/// </summary>
internal static class MappingPairs
{
    /// <summary>Longest form of one run: the byte and twice eight bytes.</summary>
    private const int MaxPair = 17;

    /// <summary>Appends the runs of one attribute header to a list.</summary>
    /// <param name="pairs">The bytes up to the end of the attribute.</param>
    /// <param name="runs">The runs of the headers before it.</param>
    /// <param name="clusters">Clusters that the header claims to map.</param>
    /// <param name="volumeClusters">Clusters of the volume.</param>
    public static void Decode(ReadOnlySpan<byte> pairs, RunList runs, long clusters, long volumeClusters)
    {
        long end = runs.ClusterCount + clusters;
        long lcn = 0;
        while (!pairs.IsEmpty && pairs[0] != 0)
        {
            int lengthSize = pairs[0] & 15;
            int offsetSize = pairs[0] >> 4;
            if (lengthSize is 0 or > 8 || offsetSize > 8 || 1 + lengthSize + offsetSize > pairs.Length)
            {
                throw NtfsErrors.Runs("a run has an impossible form");
            }

            long count = ReadSigned(pairs.Slice(1, lengthSize));
            if (count <= 0 || count > end - runs.ClusterCount)
            {
                throw NtfsErrors.Runs("a run is longer than its attribute");
            }

            if (offsetSize == 0)
            {
                runs.Append(Run.Hole, count);
            }
            else
            {
                lcn += ReadSigned(pairs.Slice(1 + lengthSize, offsetSize));

                // Windows NT 4 wrote -1 for a hole.
                if (lcn != Run.Hole && (lcn < 0 || lcn > volumeClusters - count))
                {
                    throw NtfsErrors.Runs("a run lies outside the volume");
                }

                runs.Append(lcn, count);
            }

            pairs = pairs[(1 + lengthSize + offsetSize)..];
        }

        if (runs.ClusterCount != end)
        {
            throw NtfsErrors.Runs("there are fewer runs than the attribute says");
        }
    }

    /// <summary>Number of clusters that stored runs map.</summary>
    public static long CountClusters(ReadOnlySpan<byte> pairs)
    {
        long clusters = 0;
        while (!pairs.IsEmpty && pairs[0] != 0)
        {
            int lengthSize = pairs[0] & 15, size = 1 + lengthSize + (pairs[0] >> 4);
            long count = lengthSize is 0 or > 8 || size > pairs.Length ? 0 : ReadSigned(pairs.Slice(1, lengthSize));
            if (count <= 0 || count > long.MaxValue - clusters)
            {
                throw NtfsErrors.Runs("a run has an impossible form");
            }

            clusters += count;
            pairs = pairs[size..];
        }

        return clusters;
    }

    /// <summary>Encodes as many runs from <paramref name="first"/> on as fit; the zero byte is included.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="first">Index of the first one; the index after the last one on return.</param>
    /// <param name="target">Room for the bytes.</param>
    /// <returns>Number of bytes used; 0 if not even one run fits.</returns>
    public static int Encode(IReadOnlyList<Run> runs, ref int first, Span<byte> target)
    {
        Span<byte> pair = stackalloc byte[MaxPair];
        int used = 0;
        int start = first;
        long lcn = 0;
        for (; first < runs.Count; first++)
        {
            Run run = runs[first];
            int lengthSize = WriteSigned(run.Count, pair[1..]);
            int offsetSize = run.IsHole ? 0 : WriteSigned(run.Lcn - lcn, pair[(1 + lengthSize)..]);
            pair[0] = (byte)(lengthSize | (offsetSize << 4));
            int size = 1 + lengthSize + offsetSize;
            if (used + size + 1 > target.Length)
            {
                break;
            }

            pair[..size].CopyTo(target[used..]);
            used += size;
            lcn = run.IsHole ? lcn : run.Lcn;
        }

        if (first == start && runs.Count > start)
        {
            return 0;
        }

        target[used] = 0;
        return used + 1;
    }

    private static long ReadSigned(ReadOnlySpan<byte> bytes)
    {
        long value = (sbyte)bytes[^1];
        for (int i = bytes.Length - 2; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }

    private static int WriteSigned(long value, Span<byte> target)
    {
        int size = 0;
        do
        {
            target[size++] = (byte)value;
            value >>= 8;
        }
        while (!((value == 0 && target[size - 1] < 0x80) || (value == -1 && target[size - 1] >= 0x80)));
        return size;
    }
}
