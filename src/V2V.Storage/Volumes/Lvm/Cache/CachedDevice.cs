using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Lvm.Cache;

/// <summary>
/// A volume with a cache in front (dm-cache). What the cache has is read from it, whether the guest had written it back or not; a write goes to the volume
/// and to the cache's copy, so that the metadata stay right in every mode.
/// </summary>
/// <param name="origin">The volume.</param>
/// <param name="data">The cache's data.</param>
/// <param name="map">What the cache has.</param>
/// <param name="isBypassed">True for the mode passthrough: the cache may be out of date, and the guest reads the volume.</param>
internal sealed class CachedDevice(BlockDevice origin, BlockDevice data, CacheMetadata map, bool isBypassed) : MappedDevice
{
    /// <inheritdoc/>
    public override long Length => origin.Length;

    /// <inheritdoc/>
    public override int SectorSize => Math.Max(origin.SectorSize, data.SectorSize);

    /// <inheritdoc/>
    public override bool CanWrite => origin.CanWrite && data.CanWrite;

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        origin.Write(offset, buffer);
        while (!buffer.IsEmpty)
        {
            (long? cached, long run) = map.Find(offset);
            int step = (int)Math.Min(run, buffer.Length);
            if (cached is { } at)
            {
                data.Write(at, buffer[..step]);
            }

            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        CheckRange(offset, length);
        origin.WriteZeroes(offset, length);
        while (length > 0)
        {
            (long? cached, long run) = map.Find(offset);
            long step = Math.Min(run, length);
            if (cached is { } at)
            {
                data.WriteZeroes(at, step);
            }

            offset += step;
            length -= step;
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        origin.Flush();
        data.Flush();
    }

    /// <inheritdoc/>
    protected override DeviceRun Locate(long offset)
    {
        if (isBypassed)
        {
            return new DeviceRun(origin, offset, Length - offset);
        }

        (long? cached, long run) = map.Find(offset);
        return cached is { } at ? new DeviceRun(data, at, Math.Min(run, Length - offset)) : new DeviceRun(origin, offset, Math.Min(run, Length - offset));
    }
}
