using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>Metadata blocks by their linear number in the volume; they get their checksum when they are written.</summary>
internal sealed class MetadataCache(BlockDevice device, int blockSize) : BlockCache(device, blockSize)
{
    /// <inheritdoc/>
    protected override void Seal(CachedBlock block)
    {
        if (block.CrcOffset >= 0)
        {
            XfsChecksum.Stamp(block.Data, block.CrcOffset);
        }
    }
}
