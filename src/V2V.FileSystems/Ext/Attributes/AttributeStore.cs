using V2V.FileSystems.Ext.Mapping;

namespace V2V.FileSystems.Ext.Attributes;

/// <summary>The extended attributes of an inode, wherever they are kept. The part that reads.</summary>
internal sealed partial class AttributeStore(ExtVolume volume, Inode inode)
{
    private const int ChecksumOffset = 0x10;

    /// <summary>Every attribute; the internal ones too.</summary>
    public IEnumerable<AttributeEntry> All()
    {
        foreach (AttributeEntry entry in AttributeArea.ReadInode(inode))
        {
            yield return entry;
        }

        if (inode.AttributeBlock != 0)
        {
            foreach (AttributeEntry entry in AttributeArea.ReadBlock(GetBlock(inode.AttributeBlock).Data, inode.Number))
            {
                yield return entry;
            }
        }
    }

    /// <summary>The stored value of an attribute, or null.</summary>
    public byte[]? Get(byte index, ReadOnlySpan<byte> name)
    {
        foreach (AttributeEntry entry in All())
        {
            if (entry.Is(index, name))
            {
                return entry.ValueInode == 0 ? entry.Value : ReadValueInode(entry);
            }
        }

        return null;
    }

    private byte[] ReadValueInode(AttributeEntry entry)
    {
        Inode holder = ValueInode(entry);
        var value = new byte[entry.ValueSize];
        int blockSize = volume.BlockSize;
        long blocks = (value.Length + blockSize - 1) / blockSize;
        foreach (BlockRun run in volume.Inodes.MapOf(holder).Runs(0, blocks))
        {
            if (run.Kind == BlockRunKind.Data)
            {
                int start = (int)(run.Logical * blockSize);
                int length = (int)Math.Min(run.Count * blockSize, value.Length - start);
                volume.Device.Read(run.Physical * blockSize, value.AsSpan(start, length));
            }
        }

        return value;
    }

    private Inode ValueInode(AttributeEntry entry)
    {
        Inode holder = volume.Inodes.Get(entry.ValueInode);
        if (!holder.Has(InodeFlags.AttributeInode) || holder.Size != entry.ValueSize || holder.Has(InodeFlags.InlineData | InodeFlags.Encrypted))
        {
            throw ExtErrors.Attributes(inode.Number, "a value's inode does not fit it");
        }

        return holder;
    }

    private CachedBlock GetBlock(long number)
    {
        if (!volume.IsValid(number, 1))
        {
            throw ExtErrors.Attributes(inode.Number, "their block lies outside the file system");
        }

        CachedBlock block = volume.Cache.Get(number);
        if (!block.Verified && volume.Super.HasChecksums && Le.U32(block.Data, ChecksumOffset) != Checksum(block))
        {
            throw ExtErrors.Checksum(FormattableString.Invariant($"the attribute block of inode {inode.Number}"));
        }

        block.Verified = true;
        return block;
    }

    private uint Checksum(CachedBlock block)
    {
        uint crc = ExtChecksum.Crc32C(volume.Super.ChecksumSeed, (ulong)block.Number);
        crc = ExtChecksum.Crc32C(crc, block.Data.AsSpan(0, ChecksumOffset));
        crc = ExtChecksum.Crc32C(crc, [0, 0, 0, 0]);
        return ExtChecksum.Crc32C(crc, block.Data.AsSpan(ChecksumOffset + 4));
    }
}
