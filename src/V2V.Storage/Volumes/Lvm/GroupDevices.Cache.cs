using V2V.Storage.Volumes.Lvm.Cache;
using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Lvm;

/// <content>Cached volumes.</content>
internal sealed partial class GroupDevices
{
    private CachedDevice Cached(LogicalVolume volume, Segment segment)
    {
        string target = Target(volume.Name);
        if (segment.Text.Text("origin") is not { } origin || segment.Text.Text("cache_pool") is not { } name || volume.Segments.Count != 1
            || !_group.Volumes.TryGetValue(name, out LogicalVolume? cache))
        {
            throw VolumeErrors.Lvm($"The cached volume {target} is described wrongly.", target);
        }

        // A pool has a volume for the metadata and one for the data; a single volume holds both, and the cached volume says where.
        Segment pool = cache.Segments[0];
        (BlockDevice metadata, BlockDevice data) = pool.Kind == "cache-pool"
            ? (Make(pool.Text.Text("metadata") ?? ""), Make(pool.Text.Text("data") ?? ""))
            : (Part(Make(name), segment, "metadata", target), Part(Make(name), segment, "data", target));
        string mode = segment.Text.Text("cache_mode") ?? pool.Text.Text("cache_mode") ?? "writeback";
        BlockDevice source = Make(origin);
        return new CachedDevice(source, data, CacheMetadata.Read(metadata, data.Length, source.Length, target), isBypassed: mode == "passthrough");
    }

    private static SubDevice Part(BlockDevice device, Segment segment, string part, string target)
    {
        long start = segment.Text.Number(part + "_start") ?? -1, length = segment.Text.Number(part + "_len") ?? -1;
        return start < 0 || length <= 0 || start > device.Length / 512 || length > (device.Length / 512) - start
            ? throw VolumeErrors.Lvm($"The cached volume {target} is described wrongly.", target)
            : new SubDevice(device, start * 512, length * 512);
    }
}
