namespace V2V.FileSystems.Udf;

/// <summary>Reads a file's allocation descriptors (ECMA-167 4/12): short, long or extended ones, which may go on in further extents.</summary>
internal static class AllocationDescriptors
{
    private const int ShortForm = 0;
    private const int LongForm = 1;
    private const int ExtendedForm = 2;
    private const uint LengthMask = 0x3FFF_FFFF;
    private const int ContinuationKind = 3;
    private const int MaxExtents = 1 << 20;
    private const int MaxContinuationLength = 1 << 20;
    private const int ContinuationHead = 24;

    /// <summary>The extents of a file, up to its length.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="raw">The descriptors in the file entry.</param>
    /// <param name="form">Kind of descriptor: 0 short, 1 long, 2 extended.</param>
    /// <param name="partition">Partition of the file entry, which short descriptors refer to.</param>
    /// <param name="length">Length of the file in bytes.</param>
    /// <exception cref="Storage.V2VException"><c>UdfFileCorrupt</c>, <c>UdfDescriptorCorrupt</c>.</exception>
    public static List<UdfExtent> Read(UdfVolume volume, ReadOnlyMemory<byte> raw, int form, int partition, long length)
    {
        var extents = new List<UdfExtent>();
        var seen = new HashSet<UdfAddress>();
        long total = 0;
        int size = form switch
        {
            ShortForm => 8,
            LongForm => 16,
            ExtendedForm => 20,
            _ => throw UdfErrors.File("", FormattableString.Invariant($"allocation descriptors of form {form}")),
        };
        while (raw.Length >= size && total < length)
        {
            (uint extentLength, int kind, UdfAddress address) = Parse(raw.Span, form, partition);
            raw = raw[size..];
            if (extentLength == 0)
            {
                break;
            }

            if (kind == ContinuationKind)
            {
                raw = seen.Add(address) ? ReadContinuation(volume, address, extentLength) : throw UdfErrors.File("", "its allocation descriptors lead back to themselves");
                continue;
            }

            extents.Add(new UdfExtent(extentLength, kind == 0, address));
            total += extentLength;
            if (extents.Count > MaxExtents)
            {
                throw UdfErrors.File("", FormattableString.Invariant($"it has more than {MaxExtents} extents"));
            }
        }

        return extents;
    }

    private static (uint Length, int Kind, UdfAddress Address) Parse(ReadOnlySpan<byte> raw, int form, int partition)
    {
        uint length = Le.U32(raw, 0);
        UdfAddress address = form switch
        {
            ShortForm => new UdfAddress(Le.U32(raw, 4), partition),
            LongForm => new UdfAddress(Le.U32(raw, 4), Le.U16(raw, 8)),
            _ => new UdfAddress(Le.U32(raw, 12), Le.U16(raw, 16)),
        };
        return (length & LengthMask, (int)(length >> 30), address);
    }

    /// <summary>An extent of descriptors begins with an allocation extent descriptor (4/14.5).</summary>
    private static ReadOnlyMemory<byte> ReadContinuation(UdfVolume volume, UdfAddress address, uint length)
    {
        byte[] content = new byte[Math.Min(Math.Max(length, ContinuationHead), MaxContinuationLength)];
        volume.Read(address, content);
        if (UdfTag.Identify(content, address.Block) != UdfTag.AllocationExtent)
        {
            throw UdfErrors.Descriptor("The allocation extent descriptor", address.Block);
        }

        uint used = Le.U32(content, 20);
        return content.AsMemory(ContinuationHead, (int)Math.Min(used, (uint)(content.Length - ContinuationHead)));
    }
}
