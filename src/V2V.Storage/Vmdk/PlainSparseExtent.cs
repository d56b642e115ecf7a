namespace V2V.Storage.Vmdk;

/// <summary>Grains stored as they are: neighbours in the file are read in one go, straight into the caller's buffer.</summary>
internal sealed class PlainSparseExtent(BlockDevice file, string name, GrainMap map, int grainSize, long length, BlockDevice? parent)
    : SparseExtent(file, name, map, grainSize, length, parent)
{
    protected override int ReadStored(long offset, Span<byte> buffer, long location)
    {
        long grain = offset / GrainSize;
        int within = (int)(offset % GrainSize);
        int run = Math.Min(GrainSize - within, buffer.Length);
        long next = location + GrainSize;
        while (run < buffer.Length && Map.Locate(++grain) == next)
        {
            run = (int)Math.Min((long)run + GrainSize, buffer.Length);
            next += GrainSize;
        }

        if (location + within > File.Length - run)
        {
            throw V2VException.Corrupt(
                "VmdkGrainTruncated", FormattableString.Invariant($"The grain at byte {location} lies behind the end of the VMDK file."), Name);
        }

        File.Read(location + within, buffer[..run]);
        return run;
    }
}
