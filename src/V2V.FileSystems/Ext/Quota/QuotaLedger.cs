using V2V.FileSystems.Ext.Attributes;

namespace V2V.FileSystems.Ext.Quota;

/// <summary>
/// Keeps the quota files in agreement with what users, groups and projects take. Changes are summed up in memory and written
/// with everything else.
/// </summary>
internal sealed class QuotaLedger(ExtVolume volume)
{
    private const int Kinds = 3;

    private readonly Dictionary<(int Kind, uint Id), (long Space, long Inodes)> _changes = [];

    private bool IsActive => volume.Super.Has(ExtRoCompat.Quota);

    /// <summary>Notes that an inode takes more or less.</summary>
    public void Charge(Inode inode, long space, long inodes)
    {
        if (!IsActive || !Counts(inode))
        {
            return;
        }

        Add(0, inode.Uid, space, inodes);
        Add(1, inode.Gid, space, inodes);
        Add(2, inode.Project, space, inodes);
    }

    /// <summary>Notes that an inode is about to get another owner, who then pays for the inodes of its attributes too.</summary>
    public void ChangeOwner(Inode inode, uint uid, uint gid)
    {
        if (!IsActive || !Counts(inode))
        {
            return;
        }

        long space = inode.AllocatedBytes;
        long inodes = 1 + new AttributeStore(volume, inode).All().Count(e => e.ValueInode != 0);
        Add(0, inode.Uid, -space, -inodes);
        Add(0, uid, space, inodes);
        Add(1, inode.Gid, -space, -inodes);
        Add(1, gid, space, inodes);
    }

    /// <summary>Brings the quota files up to date.</summary>
    public void Flush()
    {
        for (int kind = 0; kind < Kinds && _changes.Count > 0; kind++)
        {
            int wanted = kind;
            if (volume.Super.QuotaInode(kind) == 0 || !_changes.Keys.Any(k => k.Kind == wanted))
            {
                continue;
            }

            using var file = new QuotaFile(volume, volume.Inodes.Get(volume.Super.QuotaInode(kind)), kind);
            foreach (((int _, uint id), (long space, long inodes)) in _changes.Where(c => c.Key.Kind == wanted && c.Value != default))
            {
                file.Add(id, space, inodes);
            }
        }

        _changes.Clear();
    }

    /// <summary>Quota covers the root directory and ordinary inodes, not the file system's own.</summary>
    private bool Counts(Inode inode) => (inode.Number == 2 || inode.Number >= volume.Super.FirstInode)
        && !inode.Has(InodeFlags.AttributeInode)
        && inode.Number != volume.Super.QuotaInode(0) && inode.Number != volume.Super.QuotaInode(1) && inode.Number != volume.Super.QuotaInode(2)
        && inode.Number != volume.Super.OrphanFileInode;

    private void Add(int kind, uint id, long space, long inodes)
    {
        (long oldSpace, long oldInodes) = _changes.GetValueOrDefault((kind, id));
        _changes[(kind, id)] = (oldSpace + space, oldInodes + inodes);
    }
}
