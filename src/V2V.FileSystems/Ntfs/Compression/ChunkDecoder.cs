namespace V2V.FileSystems.Ntfs;

/// <summary>Decompresses the chunks of a file that the Windows overlay filter compressed.</summary>
internal abstract class ChunkDecoder
{
    /// <summary>Fills the target from one chunk.</summary>
    public abstract void Decompress(ReadOnlySpan<byte> source, Span<byte> target);

    /// <summary>Repeats bytes of the target and returns the place after them.</summary>
    protected static int Copy(Span<byte> target, int at, int distance, int length)
    {
        if (distance <= 0 || distance > at)
        {
            throw NtfsErrors.Compressed("a back reference leads before the chunk");
        }

        int end = Math.Min(target.Length, at + length);
        if (distance >= end - at)
        {
            target[(at - distance)..(end - distance)].CopyTo(target[at..]);
            return end;
        }

        for (; at < end; at++)
        {
            target[at] = target[at - distance];
        }

        return at;
    }
}
