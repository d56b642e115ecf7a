using V2V.FileSystems.Btrfs.Allocation;
using V2V.FileSystems.Btrfs.Files;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>What changes the file system.</summary>
internal sealed partial class BtrfsVolume
{
    private BlockGroupTable? _groups;

    public BlockGroupTable Groups => _groups ??= new BlockGroupTable(this);

    /// <summary>Free ranges of a device.</summary>
    public IEnumerable<(long Offset, long Length)> FindFreeExtents(BlockDevice device) => new FreeDeviceSpace(this).Find(device);

    /// <summary>Keeps memory bounded; called between operations.</summary>
    public void Trim() => Blocks.Trim();

    /// <summary>Streams that may hold content that is not written yet.</summary>
    public List<BtrfsFileStream> WritableStreams { get; } = [];

    /// <summary>Writes what open streams still hold, so that everybody sees it.</summary>
    public void WriteBackStreams() => WritableStreams.ForEach(s => s.WriteBack());
}
