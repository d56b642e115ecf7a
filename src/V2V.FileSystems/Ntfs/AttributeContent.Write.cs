namespace V2V.FileSystems.Ntfs;

/// <summary>The part that writes. The caller saves the file record where sizes or runs have changed.</summary>
internal sealed partial class AttributeContent
{
    /// <summary>Writes within an attribute of NTFS itself; a resident one is changed in memory.</summary>
    public void Write(NtfsAttribute attribute, long offset, ReadOnlySpan<byte> content)
    {
        if (offset < 0 || content.Length > attribute.Length - offset)
        {
            throw NtfsErrors.Runs("a structure reaches past the end of its attribute");
        }

        if (attribute.Value is { } value)
        {
            content.CopyTo(value.AsSpan((int)offset));
            return;
        }

        ZeroUpTo(attribute, offset);
        WriteClusters(attribute.Runs, offset, content);
        attribute.InitializedSize = Math.Max(attribute.InitializedSize, offset + content.Length);
    }

    /// <summary>Writes to clusters, whatever the attribute says of its length.</summary>
    public void WriteClusters(RunList runs, long offset, ReadOnlySpan<byte> content)
    {
        int clusterSize = volume.Geometry.ClusterSize;
        while (!content.IsEmpty)
        {
            Run run = runs.Find(offset / clusterSize);
            if (run.IsHole)
            {
                throw NtfsErrors.Runs("a structure lies in a hole");
            }

            int within = (int)(offset % clusterSize);
            int step = (int)Math.Min(content.Length, (run.Count * clusterSize) - within);
            volume.Device.Write((run.Lcn * clusterSize) + within, content[..step]);
            content = content[step..];
            offset += step;
        }
    }

    /// <summary>Fills the first bytes of an attribute with one pattern.</summary>
    public void Overwrite(NtfsAttribute attribute, long length, ReadOnlySpan<byte> pattern)
    {
        for (long at = 0; at < length; at += pattern.Length)
        {
            Write(attribute, at, pattern[..(int)Math.Min(pattern.Length, length - at)]);
        }
    }

    /// <summary>Makes what was never written before an offset zero on disk; holes stay.</summary>
    public void ZeroUpTo(NtfsAttribute attribute, long offset)
    {
        int clusterSize = volume.Geometry.ClusterSize;
        while (attribute.InitializedSize < offset)
        {
            Run run = attribute.Runs.Find(attribute.InitializedSize / clusterSize);
            long within = attribute.InitializedSize % clusterSize;
            long step = Math.Min(offset - attribute.InitializedSize, (run.Count * clusterSize) - within);
            if (!run.IsHole)
            {
                volume.Device.WriteZeroes((run.Lcn * clusterSize) + within, step);
            }

            attribute.InitializedSize += step;
        }
    }

    /// <summary>Gives an attribute another length. It becomes non-resident when the record has no more room; new bytes read as zero.</summary>
    public void SetLength(FileRecord file, NtfsAttribute attribute, long length)
    {
        if (attribute.Value is { } value)
        {
            if (length <= value.Length || (length <= int.MaxValue && volume.Mft.HasRoom(file, attribute, (int)(length - value.Length))))
            {
                Array.Resize(ref value, (int)length);
                attribute.Value = value;
                return;
            }

            MakeNonResident(attribute, length);
            return;
        }

        long wanted = volume.Geometry.ClustersFor(length);
        RunList runs = attribute.Runs;
        if (wanted < runs.ClusterCount)
        {
            volume.Bitmap.Free(runs.Truncate(wanted));
        }
        else if (wanted > runs.ClusterCount && attribute.IsSparse)
        {
            runs.Append(Run.Hole, wanted - runs.ClusterCount);
        }
        else if (wanted > runs.ClusterCount)
        {
            Grow(runs, wanted - runs.ClusterCount);
        }

        attribute.DataSize = length;
        attribute.InitializedSize = Math.Min(attribute.InitializedSize, length);
    }

    /// <summary>Moves the value of an attribute into clusters.</summary>
    public void MakeNonResident(NtfsAttribute attribute, long length)
    {
        byte[] value = attribute.Value!;
        var runs = new RunList();
        Grow(runs, volume.Geometry.ClustersFor(Math.Max(length, value.Length)));
        WriteClusters(runs, 0, value);
        attribute.Value = null;
        attribute.Flags = 0;
        attribute.Runs = runs;
        attribute.DataSize = length;
        attribute.InitializedSize = value.Length;
    }

    /// <summary>Gives all clusters of an attribute back.</summary>
    public void Free(NtfsAttribute attribute)
    {
        volume.Bitmap.Free(attribute.Runs.Truncate(0));
        attribute.DataSize = attribute.InitializedSize = 0;
    }

    /// <summary>Puts clusters into the holes of a range; the bytes of the range itself are about to be written.</summary>
    public void FillHoles(NtfsAttribute attribute, long offset, long length)
    {
        int clusterSize = volume.Geometry.ClusterSize;
        long end = volume.Geometry.ClustersFor(offset + length);
        for (long vcn = offset / clusterSize; vcn < end;)
        {
            Run run = attribute.Runs.Find(vcn);
            long count = Math.Min(run.Count, end - vcn);
            if (run.IsHole)
            {
                long at = vcn;
                foreach ((long lcn, long taken) in volume.Bitmap.Allocate(count, 0))
                {
                    attribute.Runs.Fill(at, lcn, taken);
                    volume.Device.WriteZeroes(lcn * clusterSize, taken * clusterSize);
                    at += taken;
                }
            }

            vcn += count;
        }
    }

    /// <summary>Adds clusters to the end of runs.</summary>
    public void Grow(RunList runs, long count)
    {
        if (count == 0)
        {
            return;
        }

        Run last = runs.Items.Count == 0 ? default : runs.Items[^1];
        foreach ((long lcn, long taken) in volume.Bitmap.Allocate(count, last.IsHole ? 0 : last.Lcn + last.Count))
        {
            runs.Append(lcn, taken);
        }
    }
}
