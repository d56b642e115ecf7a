using V2V.FileSystems.Ext.Allocation;
using V2V.FileSystems.Ext.Quota;
using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>An open ext file system as the parts that work on it see it: geometry, caches, groups, inodes and allocators.</summary>
internal sealed class ExtVolume
{
    public ExtVolume(BlockDevice device, Superblock super)
    {
        Device = device;
        Super = super;
        Cache = new BlockCache(device, super.BlockSize);
        Groups = new GroupTable(super, Cache);
        Inodes = new InodeStore(this);
        Bitmaps = new Bitmaps(this);
        Blocks = new BlockAllocator(this);
        InodeNumbers = new InodeAllocator(this);
        Quotas = new QuotaLedger(this);
    }

    public BlockDevice Device { get; }

    public Superblock Super { get; }

    public BlockCache Cache { get; }

    public GroupTable Groups { get; }

    public InodeStore Inodes { get; }

    public Bitmaps Bitmaps { get; }

    public BlockAllocator Blocks { get; }

    public InodeAllocator InodeNumbers { get; }

    public QuotaLedger Quotas { get; }

    public int BlockSize => Super.BlockSize;

    /// <summary>True if the superblock's counters have to be written.</summary>
    public bool SuperDirty { get; set; }

    /// <summary>True if a run of blocks lies within the file system, past the superblock.</summary>
    public bool IsValid(long block, long count) => block > Super.FirstDataBlock && count > 0 && block <= Super.BlockCount - count;

    /// <summary>Makes sure that files beyond 2 GiB are legal; false if this revision of the format has none.</summary>
    public bool AllowLargeFile()
    {
        if (!Super.Has(ExtRoCompat.LargeFile))
        {
            if (!Super.IsDynamic)
            {
                return false;
            }

            Super.Set(ExtRoCompat.LargeFile, true);
            SuperDirty = true;
        }

        return true;
    }

    /// <summary>Writes everything that is in memory.</summary>
    public void Flush()
    {
        Quotas.Flush();
        Inodes.Flush();
        Bitmaps.UpdateChecksums();
        Cache.Flush();
        if (SuperDirty)
        {
            Super.Write(Device);
            SuperDirty = false;
        }
    }

    /// <summary>Keeps memory bounded; called between operations.</summary>
    public void Trim()
    {
        Inodes.Trim();
        Cache.Trim();
    }
}
