namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Reads an attribute that NTFS compressed: units of usually 16 clusters, each stored as it is (no hole), compressed by LZNT1 (clusters
/// and a hole), or all zero (a hole).
/// </summary>
internal sealed class CompressionUnitReader : ContentReader
{
    /// <summary>Only clusters up to 4 KiB are compressed, in units of 16; larger units do not occur.</summary>
    private const int MaxUnitSize = 1 << 20;

    private readonly NtfsVolume _volume;
    private readonly NtfsAttribute _attribute;
    private readonly int _unitClusters;
    private readonly byte[] _unit;
    private readonly byte[] _stored;
    private long _current = -1;

    public CompressionUnitReader(NtfsVolume volume, NtfsAttribute attribute)
    {
        _volume = volume;
        _attribute = attribute;
        long size = (long)volume.Geometry.ClusterSize << attribute.CompressionUnit;
        if (attribute.CompressionUnit == 0 || size > MaxUnitSize)
        {
            throw NtfsErrors.Compressed("its compression unit has an impossible size");
        }

        _unitClusters = 1 << attribute.CompressionUnit;
        _unit = new byte[size];
        _stored = new byte[size];
    }

    public override void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            long unit = offset / _unit.Length;
            if (unit != _current)
            {
                _current = -1;
                Load(unit);
                _current = unit;
            }

            int within = (int)(offset % _unit.Length);
            int step = Math.Min(buffer.Length, _unit.Length - within);
            _unit.AsSpan(within, step).CopyTo(buffer);
            buffer = buffer[step..];
            offset += step;
        }
    }

    private void Load(long unit)
    {
        long first = unit * _unitClusters;
        int allocated = 0;
        RunList runs = _attribute.Runs;
        long end = Math.Min(first + _unitClusters, runs.ClusterCount);
        bool hole = first + _unitClusters > runs.ClusterCount;
        for (long vcn = first; vcn < end;)
        {
            Run run = runs.Find(vcn);
            long count = Math.Min(run.Count, end - vcn);
            if (run.IsHole)
            {
                hole = true;
                break;
            }

            allocated += (int)count;
            vcn += count;
        }

        int stored = allocated * _volume.Geometry.ClusterSize;
        if (!hole || allocated == 0)
        {
            _volume.Content.ReadClusters(runs, first * _volume.Geometry.ClusterSize, _unit.AsSpan(0, stored));
            _unit.AsSpan(stored).Clear();
        }
        else
        {
            _volume.Content.ReadClusters(runs, first * _volume.Geometry.ClusterSize, _stored.AsSpan(0, stored));
            Lznt1.Decompress(_stored.AsSpan(0, stored), _unit);
        }

        long valid = Math.Clamp(_attribute.InitializedSize - (unit * _unit.Length), 0, _unit.Length);
        _unit.AsSpan((int)valid).Clear();
    }
}
