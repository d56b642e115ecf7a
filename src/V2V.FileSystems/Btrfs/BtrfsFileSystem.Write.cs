using V2V.FileSystems.Btrfs.Files;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>The operations that change the file system.</summary>
public sealed partial class BtrfsFileSystem
{
    private const int MaxNameLength = 255;
    private const uint MaxLinks = 65535;
    private const int MaxInlineLink = 2048;
    private const string AccessAcl = "system.posix_acl_access";

    /// <inheritdoc/>
    public override Stream OpenWrite(string path)
    {
        StartWrite(false);
        BtrfsNode node = GetFile(path);
        CheckWritable(node, path);
        if (node.Load().Has(InodeItem.Verity))
        {
            throw Protected($"The guest's {path} is protected by fs-verity and cannot be changed.", path);
        }

        return new BtrfsFileStream(_volume, node, writable: true);
    }

    /// <inheritdoc/>
    public override void CreateFile(string path, FileMetadata metadata)
    {
        StartWrite(false);
        BtrfsNode parent = GetParent(path, out byte[] name);
        Create(parent, name, 0x8000 | (metadata.Mode & 0xFFF), metadata, path);
    }

    /// <inheritdoc/>
    public override void CreateDirectory(string path, FileMetadata metadata)
    {
        StartWrite(false);
        BtrfsNode parent = GetParent(path, out byte[] name);
        Create(parent, name, 0x4000 | (metadata.Mode & 0xFFF), metadata, path);
    }

    /// <inheritdoc/>
    public override void CreateSymbolicLink(string path, string target, FileMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(target);
        StartWrite(false);
        byte[] bytes = GuestName.Encode(target);
        if (bytes.Length == 0 || bytes.Length > Math.Min(MaxInlineLink, _volume.SectorSize - 1) || bytes.AsSpan().Contains((byte)0))
        {
            throw GuestPathErrors.LinkTarget(path);
        }

        BtrfsNode parent = GetParent(path, out byte[] name);
        BtrfsNode node = Create(parent, name, 0xA1FF, metadata, path);
        InodeItem inode = node.Load();
        inode.Length = bytes.Length;
        inode.Bytes = bytes.Length;
        node.Tree.Insert(new BtrfsKey(node.Inode, ItemType.ExtentData, 0), FileExtent.MakeInline(_volume.Transaction, bytes));
        node.Tree.Set(node.Key, inode.Raw);
    }

    /// <inheritdoc/>
    public override void CreateHardLink(string existingPath, string newPath)
    {
        StartWrite(false);
        BtrfsNode node = GetNode(existingPath);
        InodeItem inode = node.Load();
        if (inode.IsDirectory)
        {
            throw GuestPathErrors.OneNameOnly(existingPath);
        }

        BtrfsNode parent = GetParent(newPath, out byte[] name);
        CheckSameTree(node, parent, newPath);
        if (inode.Links >= MaxLinks)
        {
            throw new V2VException("BtrfsTooManyLinks", V2VErrorKind.NoSpace, $"The guest's file {existingPath} has as many names as Btrfs can keep.", existingPath);
        }

        new DirectoryEditor(_volume, parent).Add(name, node.Inode, DirectoryEntryCode.Of(inode.Type), newPath);
        inode.Links++;
        Save(node, inode);
    }

    /// <inheritdoc/>
    public override void Delete(string path)
    {
        StartWrite(true);
        (BtrfsNode parent, byte[] name) = Split(path);
        DirectoryItem entry = DirectoryReader.Find(parent, name) ?? throw NotFound(path);
        BtrfsNode node = FollowInode(parent, entry, path);
        CheckWritable(parent, path);
        CheckRemovable(node, path);
        new DirectoryEditor(_volume, parent).Remove(entry);
        Unlink(node);
    }

    /// <inheritdoc/>
    public override void Rename(string fromPath, string toPath)
    {
        StartWrite(false);
        (BtrfsNode fromParent, byte[] fromName) = Split(fromPath);
        (BtrfsNode toParent, byte[] toName) = Split(toPath);
        DirectoryItem from = DirectoryReader.Find(fromParent, fromName) ?? throw NotFound(fromPath);
        BtrfsNode node = FollowInode(fromParent, from, fromPath);
        CheckWritable(fromParent, fromPath);
        CheckSameTree(node, toParent, toPath);
        DirectoryItem? to = DirectoryReader.Find(toParent, toName);
        BtrfsNode? replaced = to is null ? null : FollowInode(toParent, to, toPath);
        if (replaced?.Inode == node.Inode)
        {
            return;
        }

        InodeItem inode = node.Load();
        if (inode.IsDirectory)
        {
            CheckNotInside(node, toParent, toPath);
        }

        var destination = new DirectoryEditor(_volume, toParent);
        if (replaced is { } target)
        {
            CheckReplaceable(inode, target, toPath);
            destination.Remove(to!);
            Unlink(target);
        }

        new DirectoryEditor(_volume, fromParent).Remove(from);
        destination.Add(toName, node.Inode, DirectoryEntryCode.Of(inode.Type), toPath);
        Save(node, inode);
    }

    /// <inheritdoc/>
    public override void SetMetadata(string path, FileMetadata metadata)
    {
        StartWrite(false);
        BtrfsNode node = GetNode(path);
        CheckWritable(node, path);
        InodeItem inode = node.Load();
        inode.Uid = metadata.Uid;
        inode.Gid = metadata.Gid;
        inode.Mode = (inode.Mode & ~0xFFF) | (metadata.Mode & 0xFFF);
        inode.Touch(_volume.Transaction, contentChanged: true);
        inode.ModifiedTime = metadata.ModifiedTime ?? inode.ModifiedTime;
        node.Tree.Set(node.Key, inode.Raw);
        if (ExtendedAttributes.Get(node, GuestName.Encode(AccessAcl)) is { } acl && ExtendedAttributes.SetAclMode(acl, inode.Mode))
        {
            ExtendedAttributes.Set(_volume, node, AccessAcl, acl, path);
        }
    }

    /// <inheritdoc/>
    public override void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        StartWrite(false);
        BtrfsNode node = GetNode(path);
        CheckWritable(node, path);
        ExtendedAttributes.Set(_volume, node, name, value, path);
        Save(node, node.Load());
    }

    /// <inheritdoc/>
    public override void RemoveExtendedAttribute(string path, string name)
    {
        StartWrite(true);
        BtrfsNode node = GetNode(path);
        CheckWritable(node, path);
        if (ExtendedAttributes.Remove(node, name))
        {
            Save(node, node.Load());
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (CanWrite)
        {
            _volume.Flush();
            _volume.Devices.Flush();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_owner is null)
        {
            base.Dispose(disposing);
        }
    }

    private static V2VException Protected(string message, string path) =>
        V2VException.Unsupported("BtrfsFileProtected", message, path, "Remove the protection in the guest and export it again.");

    private static V2VException Subvolume(string path) => V2VException.Unsupported(
        "BtrfsSubvolumeInUse", $"The guest's {path} is a subvolume; it cannot be deleted, replaced or moved like a directory.", path, "Do that in the guest and export it again.");

    private void StartWrite(bool isFreeing)
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        _volume.StartWrite(isFreeing);
    }

    /// <summary>Saves an inode whose names or attributes changed.</summary>
    private void Save(BtrfsNode node, InodeItem inode)
    {
        inode.Touch(_volume.Transaction, contentChanged: false);
        node.Tree.Set(node.Key, inode.Raw);
    }

    private BtrfsNode Create(BtrfsNode parent, byte[] name, int mode, FileMetadata metadata, string path)
    {
        const ulong Inherited = InodeItem.NoDataCow | InodeItem.NoCompress | InodeItem.Compress;
        var inode = new InodeItem(_volume.NextInode(parent.Tree), _volume.Transaction, mode, metadata.Uid, metadata.Gid) { Links = 1 };
        inode.Flags = parent.Load().Flags & Inherited;
        inode.Flags |= inode.Type == GuestFileType.File && inode.Has(InodeItem.NoDataCow) ? InodeItem.NoDataSum : 0;
        inode.Transaction = _volume.Transaction;
        inode.ModifiedTime = metadata.ModifiedTime ?? inode.ModifiedTime;
        var node = new BtrfsNode(parent.Tree, inode.Number);
        new DirectoryEditor(_volume, parent).Add(name, inode.Number, DirectoryEntryCode.Of(inode.Type), path);
        node.Tree.Insert(node.Key, inode.Raw);
        return node;
    }

    private (BtrfsNode Parent, byte[] Name) Split(string path)
    {
        string[] names = GuestName.SplitPath(path);
        if (names.Length == 0)
        {
            throw GuestPathErrors.Root(path);
        }

        byte[] name = GuestName.Encode(names[^1]);
        if (name.Length > MaxNameLength)
        {
            throw GuestPathErrors.NameTooLong(path, MaxNameLength);
        }

        string parentPath = "/" + string.Join('/', names[..^1]);
        BtrfsNode parent = GetNode(parentPath);
        return parent.Load().IsDirectory ? (parent, name) : throw GuestPathErrors.NotDirectory(parentPath);
    }

    /// <summary>The parent of a path that must not exist yet.</summary>
    private BtrfsNode GetParent(string path, out byte[] name)
    {
        (BtrfsNode parent, name) = Split(path);
        CheckWritable(parent, path);
        return DirectoryReader.Find(parent, name) is null
            ? parent
            : throw GuestPathErrors.Exists(path);
    }

    /// <summary>What an entry leads to, if that is no subvolume.</summary>
    private BtrfsNode FollowInode(BtrfsNode parent, DirectoryItem entry, string path) =>
        entry.Location.Type == ItemType.Root ? throw Subvolume(path) : DirectoryReader.Follow(_volume, parent, entry);

    private void CheckWritable(BtrfsNode node, string path)
    {
        if (node.IsPlaceholder || _volume.FindRootItem(node.Tree.Id) is { IsReadOnly: true })
        {
            throw Protected($"The subvolume that holds {path} is read-only.", path);
        }
    }

    private void CheckSameTree(BtrfsNode node, BtrfsNode parent, string path)
    {
        CheckWritable(parent, path);
        if (node.Tree != parent.Tree)
        {
            throw V2VException.Unsupported("BtrfsSubvolumeInUse", $"A file cannot be moved or linked into another subvolume, to {path}.", path, "Copy it instead.");
        }
    }

    private void CheckRemovable(BtrfsNode node, string path)
    {
        if (_volume.OpenFiles.ContainsKey((node.Tree.Id, node.Inode)))
        {
            throw GuestPathErrors.InUse(path);
        }

        if (node.Load().IsDirectory && DirectoryReader.Enumerate(node).Any())
        {
            throw GuestPathErrors.NotEmpty(path);
        }
    }

    private void CheckReplaceable(InodeItem inode, BtrfsNode replaced, string path)
    {
        if (inode.IsDirectory != replaced.Load().IsDirectory)
        {
            throw inode.IsDirectory
                ? GuestPathErrors.NotDirectory(path)
                : GuestPathErrors.IsDirectory(path);
        }

        CheckRemovable(replaced, path);
    }

    /// <summary>A directory cannot be moved below itself.</summary>
    private static void CheckNotInside(BtrfsNode moved, BtrfsNode parent, string path)
    {
        for (int depth = 0; parent.Inode != ObjectIds.FirstFree && depth < MaxPathDepth * 4; depth++)
        {
            if (parent.Inode == moved.Inode)
            {
                throw GuestPathErrors.BelowItself(path);
            }

            Trees.TreeItem? reference = parent.Tree.Items(parent.Inode, ItemType.InodeRef).Cast<Trees.TreeItem?>().FirstOrDefault();
            parent = reference is { } item ? parent with { Inode = item.Key.Offset } : throw BtrfsErrors.Item(parent.Key, "it has no name");
        }
    }

    /// <summary>Counts one name less, and frees what has none left.</summary>
    private void Unlink(BtrfsNode node)
    {
        InodeItem inode = node.Load();
        if (!inode.IsDirectory && inode.Links > 1)
        {
            inode.Links--;
            Save(node, inode);
            return;
        }

        new FileWriter(_volume, node).Release(inode);
        node.Tree.DeleteRange(node.Key, new BtrfsKey(node.Inode, byte.MaxValue, ulong.MaxValue));
    }
}
