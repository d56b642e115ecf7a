namespace V2V.FileSystems.Ntfs;

/// <summary>Reads and writes the bytes of attributes that are not compressed.</summary>
internal sealed partial class AttributeContent(NtfsVolume volume)
{
    /// <summary>Fills a buffer from an attribute; holes, and what was never written, are zero.</summary>
    /// <param name="attribute">The attribute.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="buffer">The range must lie within the attribute.</param>
    public void Read(NtfsAttribute attribute, long offset, Span<byte> buffer)
    {
        if (offset < 0 || buffer.Length > attribute.Length - offset)
        {
            throw NtfsErrors.Runs("a structure reaches past the end of its attribute");
        }

        if (attribute.Value is { } value)
        {
            value.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
            return;
        }

        long valid = Math.Clamp(attribute.InitializedSize - offset, 0, buffer.Length);
        buffer[(int)valid..].Clear();
        ReadClusters(attribute.Runs, offset, buffer[..(int)valid]);
    }

    /// <summary>Fills a buffer from clusters, whatever the attribute says of its length.</summary>
    public void ReadClusters(RunList runs, long offset, Span<byte> buffer)
    {
        int clusterSize = volume.Geometry.ClusterSize;
        while (!buffer.IsEmpty)
        {
            Run run = runs.Find(offset / clusterSize);
            int within = (int)(offset % clusterSize);
            int step = (int)Math.Min(buffer.Length, (run.Count * clusterSize) - within);
            if (run.IsHole)
            {
                buffer[..step].Clear();
            }
            else
            {
                volume.Device.Read((run.Lcn * clusterSize) + within, buffer[..step]);
            }

            buffer = buffer[step..];
            offset += step;
        }
    }

    /// <summary>The whole of a small attribute.</summary>
    public byte[] ReadAll(NtfsAttribute attribute, int limit)
    {
        if (attribute.Length > limit)
        {
            throw NtfsErrors.Runs(FormattableString.Invariant($"an attribute of {attribute.Length} bytes where {limit} are the most"));
        }

        var content = new byte[attribute.Length];
        Read(attribute, 0, content);
        return content;
    }
}
