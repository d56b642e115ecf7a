using V2V.FileSystems.Xfs.Directories;

namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>
/// Parent pointers ("Parent Pointers" of the XFS documentation): for each name of an inode an attribute that has the name, with the
/// directory's inode number and generation as its value. The same name may stand in several directories.
/// </summary>
internal sealed partial class AttributeStore
{
    private const int ParentSize = 12;

    /// <summary>Adds the pointer for a new name; nothing where the file system keeps none.</summary>
    public void AddParent(XfsInode directory, byte[] name)
    {
        if (_volume.Super.HasParentPointers)
        {
            List<AttributeEntry> entries = [.. All(), MakeParent(directory, name)];
            RequireSpace(entries, 0);
            Store(entries);
        }
    }

    /// <summary>Removes the pointer of a name that goes.</summary>
    public void RemoveParent(XfsInode directory, byte[] name)
    {
        if (_volume.Super.HasParentPointers)
        {
            List<AttributeEntry> entries = [.. All()];
            entries.RemoveAt(FindParent(entries, directory, name));
            RequireSpace(entries, 0);
            Store(entries);
        }
    }

    /// <summary>Replaces the pointer of a name that becomes another.</summary>
    public void ReplaceParent(XfsInode oldDirectory, byte[] oldName, XfsInode newDirectory, byte[] newName)
    {
        if (_volume.Super.HasParentPointers)
        {
            List<AttributeEntry> entries = [.. All()];
            entries[FindParent(entries, oldDirectory, oldName)] = MakeParent(newDirectory, newName);
            RequireSpace(entries, 0);
            Store(entries);
        }
    }

    /// <summary>Finishes a change of which some or all may be done already: one pointer goes, another comes.</summary>
    /// <param name="gone">Name and value of the one that goes, or null.</param>
    /// <param name="come">Name and value of the one that comes, or null.</param>
    public void FinishParents((byte[] Name, byte[] Value)? gone, (byte[] Name, byte[] Value)? come)
    {
        List<AttributeEntry> entries = [.. All()];
        entries.RemoveAll(e => IsParent(e, gone) || IsParent(e, come));
        if (come is { } pointer)
        {
            entries.Add(new AttributeEntry(AttributeEntry.Parent, pointer.Name, pointer.Value));
        }

        RequireSpace(entries, 0);
        Store(entries);
    }

    private static bool IsParent(AttributeEntry entry, (byte[] Name, byte[] Value)? pointer) =>
        pointer is var (name, value) && (entry.Flags & AttributeEntry.SpaceMask) == AttributeEntry.Parent && entry.Name.AsSpan().SequenceEqual(name)
        && entry.Value.AsSpan().SequenceEqual(value);

    private static AttributeEntry MakeParent(XfsInode directory, byte[] name)
    {
        var value = new byte[ParentSize];
        Be.Set64(value, 0, directory.Number);
        Be.Set32(value, 8, directory.Generation);
        return new AttributeEntry(AttributeEntry.Parent, name, value);
    }

    private int FindParent(List<AttributeEntry> entries, XfsInode directory, byte[] name)
    {
        int index = entries.FindIndex(e => (e.Flags & (AttributeEntry.SpaceMask | AttributeEntry.Incomplete)) == AttributeEntry.Parent
            && e.Value is { Length: ParentSize } && Be.U64(e.Value, 0) == directory.Number && NameHash.AreEqual(e.Name, name, _volume.Super.IsCaseInsensitive));
        return index >= 0 ? index : throw _file.Damaged(FormattableString.Invariant($"a pointer to the parent {directory.Number} is missing"));
    }

    /// <summary>What attributes are sorted by. The parent is mixed in, for a file may have the same name in many directories.</summary>
    private uint HashOf(AttributeEntry entry)
    {
        if ((entry.Flags & AttributeEntry.Parent) == 0 || entry.Value is not { Length: ParentSize })
        {
            return NameHash.Of(entry.Name);
        }

        ulong parent = Be.U64(entry.Value, 0);
        return NameHash.OfEntry(entry.Name, _volume.Super.IsCaseInsensitive) ^ (uint)(parent >> 32) ^ (uint)parent;
    }
}
