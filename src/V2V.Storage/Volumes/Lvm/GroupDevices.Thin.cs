using V2V.Storage.Volumes.Lvm.Thin;

namespace V2V.Storage.Volumes.Lvm;

/// <content>Thin volumes.</content>
internal sealed partial class GroupDevices
{
    private ThinDevice Thin(LogicalVolume volume, Segment segment, long length)
    {
        string target = Target(volume.Name);
        if (segment.Text.Text("thin_pool") is not { } name || segment.Text.Number("device_id") is not (> 0 and < 1 << 24 and { } device) || volume.Segments.Count != 1)
        {
            throw VolumeErrors.Lvm($"The thin volume {target} is described wrongly.", target);
        }

        BlockDevice? origin = segment.Text.Text("external_origin") is { } external ? Make(external) : null;
        return new ThinDevice(Pool(name), (ulong)device, length, origin);
    }

    private ThinPool Pool(string name)
    {
        if (_pools.TryGetValue(name, out ThinPool? pool))
        {
            return pool;
        }

        if (!_group.Volumes.TryGetValue(name, out LogicalVolume? volume) || volume.Segments is not [{ Kind: "thin-pool" } segment]
            || segment.Text.Text("metadata") is not { } metadata || segment.Text.Text("pool") is not { } data)
        {
            throw VolumeErrors.Lvm($"The thin pool {Target(name)} is described wrongly.", Target(name));
        }

        pool = new ThinPool(Make(metadata), Make(data), segment.Text.Number("chunk_size") ?? 0, Target(name));
        _pools.Add(name, pool);
        return pool;
    }
}
