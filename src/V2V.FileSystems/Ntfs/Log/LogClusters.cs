using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>The clusters that one record of the log names, as one range of bytes. Those that were freed since are left out.</summary>
internal sealed class LogClusters
{
    private readonly BlockDevice _device;
    private readonly int _size;
    private readonly long[] _clusters;
    private readonly bool[] _alive;
    private readonly Action<long> _note;

    /// <param name="geometry">Sizes of the volume.</param>
    /// <param name="device">The volume.</param>
    /// <param name="record">The record.</param>
    /// <param name="isAlive">True for a cluster that the change is still meant for.</param>
    /// <param name="note">Takes each cluster that is written.</param>
    public LogClusters(NtfsGeometry geometry, BlockDevice device, LogRecord record, Func<long, bool> isAlive, Action<long> note)
    {
        _device = device;
        _size = geometry.ClusterSize;
        _note = note;
        _clusters = new long[record.ClusterCount];
        _alive = new bool[record.ClusterCount];
        for (int i = 0; i < _clusters.Length; i++)
        {
            _clusters[i] = record.Cluster(i);
            if (_clusters[i] < 0 || _clusters[i] >= geometry.ClusterCount)
            {
                throw LogFile.Unusable("a record names clusters outside the volume");
            }

            _alive[i] = _clusters[i] != 0 && isAlive(_clusters[i]);
        }

        // The boot sector's cluster is 0; nothing logs changes of it, and 0 stands for none.
        AnyAlive = _alive.AsSpan().Contains(true);
    }

    public bool AnyAlive { get; }

    /// <summary>Bytes in all clusters.</summary>
    public int Length => (int)Math.Min((long)_clusters.Length * _size, 16 << 20);

    /// <summary>Reads a range; all clusters of it must be alive.</summary>
    public byte[] Read(int offset, int length)
    {
        Check(offset, length);
        var bytes = new byte[length];
        for (int done = 0; done < length;)
        {
            (int index, int within) = Math.DivRem(offset + done, _size);
            int step = Math.Min(_size - within, length - done);
            if (_clusters[index] != 0)
            {
                _device.Read((_clusters[index] * _size) + within, bytes.AsSpan(done, step));
            }

            done += step;
        }

        return bytes;
    }

    /// <summary>Writes a range; what lies in clusters that were freed is left out.</summary>
    public void Write(int offset, ReadOnlySpan<byte> bytes)
    {
        Check(offset, bytes.Length);
        while (!bytes.IsEmpty)
        {
            (int index, int within) = Math.DivRem(offset, _size);
            int step = Math.Min(_size - within, bytes.Length);
            if (_alive[index])
            {
                _device.Write((_clusters[index] * _size) + within, bytes[..step]);
                _note(_clusters[index]);
            }

            bytes = bytes[step..];
            offset += step;
        }
    }

    private void Check(int offset, int length)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
        {
            throw LogFile.Unusable("a change reaches past the clusters that it names");
        }
    }
}
