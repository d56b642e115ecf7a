using V2V.FileSystems.Ext.Attributes;
using V2V.FileSystems.Ext.Directories;
using V2V.FileSystems.Ext.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>The operations that change the file system.</summary>
public sealed partial class ExtFileSystem
{
    private const int MaxLinks = 65000;
    private const int MaxNameLength = 255;

    /// <inheritdoc/>
    public override Stream OpenWrite(string path)
    {
        StartWrite();
        Inode inode = GetFile(path);
        if (inode.Has(InodeFlags.Verity))
        {
            throw V2VException.Unsupported(
                "ExtVerity", $"The guest's {path} is protected by fs-verity and cannot be changed.", path, "Replace the file instead of changing it.");
        }

        CheckMap(inode);
        return new ExtFileStream(_volume, inode, writable: true);
    }

    /// <inheritdoc/>
    public override void CreateFile(string path, FileMetadata metadata)
    {
        StartWrite();
        Inode parent = GetParent(path, out byte[] name);
        Inode inode = _volume.InodeNumbers.Allocate(parent, 0x8000 | (metadata.Mode & 0xFFF), metadata.Uid, metadata.Gid);
        inode.Links = 1;
        StartMap(inode);
        Attach(parent, name, inode);
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void CreateDirectory(string path, FileMetadata metadata)
    {
        StartWrite();
        Inode parent = GetParent(path, out byte[] name);
        CheckLinks(parent, path);
        Inode inode = _volume.InodeNumbers.Allocate(parent, 0x4000 | (metadata.Mode & 0xFFF), metadata.Uid, metadata.Gid);
        inode.Links = 2;
        StartMap(inode);
        try
        {
            new DirectoryFile(_volume, inode).Initialise(parent.Number);
        }
        catch
        {
            InodeRemoval.Remove(_volume, inode);
            throw;
        }

        Attach(parent, name, inode);
        AddLink(parent);
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void CreateSymbolicLink(string path, string target, FileMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(target);
        StartWrite();
        byte[] bytes = GuestName.Encode(target);
        if (bytes.Length == 0 || bytes.Length >= Math.Min(Super.BlockSize, 4096) || bytes.AsSpan().Contains((byte)0))
        {
            throw GuestPathErrors.LinkTarget(path);
        }

        Inode parent = GetParent(path, out byte[] name);
        Inode inode = _volume.InodeNumbers.Allocate(parent, 0xA1FF, metadata.Uid, metadata.Gid);
        inode.Links = 1;
        try
        {
            WriteLink(inode, bytes);
        }
        catch
        {
            InodeRemoval.Remove(_volume, inode);
            throw;
        }

        Attach(parent, name, inode);
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void CreateHardLink(string existingPath, string newPath)
    {
        StartWrite();
        Inode inode = GetInode(existingPath);
        if (inode.IsDirectory)
        {
            throw GuestPathErrors.OneNameOnly(existingPath);
        }

        CheckLinks(inode, existingPath);
        Inode parent = GetParent(newPath, out byte[] name);
        new DirectoryFile(_volume, parent).Add(name, inode.Number, DirectoryEntryCode.Of(inode.Type));
        inode.Links++;
        inode.Touch(contentChanged: false);
    }

    /// <inheritdoc/>
    public override void Delete(string path)
    {
        StartWrite();
        (Inode parent, byte[] name) = Split(path);
        var directory = new DirectoryFile(_volume, parent);
        FoundEntry found = directory.Find(name) ?? throw NotFound(path);
        Inode inode = _volume.Inodes.GetNamed(found.Entry.Inode);
        CheckRemovable(inode, path);
        directory.Remove(found);
        Unlink(inode, parent);
    }

    /// <inheritdoc/>
    public override void Rename(string fromPath, string toPath)
    {
        StartWrite();
        (Inode fromParent, byte[] fromName) = Split(fromPath);
        (Inode toParent, byte[] toName) = Split(toPath);
        var source = new DirectoryFile(_volume, fromParent);
        FoundEntry from = source.Find(fromName) ?? throw NotFound(fromPath);
        Inode inode = _volume.Inodes.GetNamed(from.Entry.Inode);
        if (!toParent.IsDirectory)
        {
            throw GuestPathErrors.NotDirectory(toPath);
        }

        var destination = toParent == fromParent ? source : new DirectoryFile(_volume, toParent);
        FoundEntry? to = destination.Find(toName);
        Inode? replaced = to is { } target ? _volume.Inodes.GetNamed(target.Entry.Inode) : null;
        if (replaced == inode)
        {
            return;
        }

        bool moves = inode.IsDirectory && toParent != fromParent;
        if (inode.IsDirectory)
        {
            CheckNotInside(inode, toParent, toPath);
        }

        if (moves && replaced is null)
        {
            CheckLinks(toParent, toPath);
        }

        if (replaced is not null)
        {
            CheckReplaceable(inode, replaced, toPath);
            destination.Replace(to!.Value, inode.Number, DirectoryEntryCode.Of(inode.Type));
        }
        else
        {
            destination.Add(toName, inode.Number, DirectoryEntryCode.Of(inode.Type));
        }

        source.Remove(source.Find(fromName) ?? throw NotFound(fromPath));
        if (moves)
        {
            new DirectoryFile(_volume, inode).SetParent(toParent.Number);
            AddLink(toParent);
            DropDirectoryLink(fromParent);
        }

        inode.Touch(contentChanged: false);
        if (replaced is not null)
        {
            Unlink(replaced, toParent);
        }
    }

    /// <inheritdoc/>
    public override void SetMetadata(string path, FileMetadata metadata)
    {
        StartWrite();
        Inode inode = GetInode(path);
        _volume.Quotas.ChangeOwner(inode, metadata.Uid, metadata.Gid);
        inode.Uid = metadata.Uid;
        inode.Gid = metadata.Gid;
        inode.Mode = (inode.Mode & Inode.TypeMask) | (metadata.Mode & 0xFFF);
        inode.Touch(contentChanged: true);
        SetTime(inode, metadata);
        var attributes = new AttributeStore(_volume, inode);
        if (attributes.Get(AttributeName.PosixAclAccess, []) is { } acl && PosixAcl.SetMode(acl, inode.Mode))
        {
            attributes.Set(AttributeName.PosixAclAccess, [], acl);
        }
    }

    /// <inheritdoc/>
    public override void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        StartWrite();
        Inode inode = GetInode(path);
        if (!AttributeName.TryParse(name, out byte index, out byte[] rest) || rest.AsSpan().Contains((byte)0))
        {
            throw V2VException.Unsupported("ExtAttributeNameUnsupported", $"The name '{name}' is not one that an extended attribute of ext4 can have.", path);
        }

        if (index is AttributeName.PosixAclAccess or AttributeName.PosixAclDefault && PosixAcl.ToStored(value) is { } acl)
        {
            value = acl;
        }

        new AttributeStore(_volume, inode).Set(index, rest, value);
        inode.Touch(contentChanged: false);
        if (!Super.Has(ExtCompat.ExtAttr))
        {
            Super.Set(ExtCompat.ExtAttr);
            _volume.SuperDirty = true;
        }
    }

    /// <inheritdoc/>
    public override void RemoveExtendedAttribute(string path, string name)
    {
        StartWrite();
        Inode inode = GetInode(path);
        if (AttributeName.TryParse(name, out byte index, out byte[] rest) && new AttributeStore(_volume, inode).Remove(index, rest))
        {
            inode.Touch(contentChanged: false);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (CanWrite)
        {
            _volume.Flush();
            _volume.Device.Flush();
        }
    }

    private static void SetTime(Inode inode, FileMetadata metadata)
    {
        if (metadata.ModifiedTime is { } time)
        {
            inode.ModifiedTime = time;
            inode.Dirty = true;
        }
    }

    private void StartWrite()
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        _volume.Trim();
    }

    private void CheckMap(Inode inode)
    {
        if (!inode.Has(InodeFlags.Extents | InodeFlags.InlineData) && (Super.ClusterRatio > 1 || Super.BlockCount > uint.MaxValue))
        {
            throw V2VException.Unsupported(
                "ExtFeatureUnsupported", FormattableString.Invariant($"Inode {inode.Number} is mapped by indirect blocks, which cannot address this file system."));
        }
    }

    private void StartMap(Inode inode)
    {
        if (Super.Has(ExtIncompat.Extents))
        {
            ExtentMap.Initialize(inode);
        }

        CheckMap(inode);
    }

    private (Inode Parent, byte[] Name) Split(string path)
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
        Inode parent = GetInode(parentPath);
        return parent.IsDirectory ? (parent, name) : throw GuestPathErrors.NotDirectory(parentPath);
    }

    /// <summary>The parent of a path that must not exist yet.</summary>
    private Inode GetParent(string path, out byte[] name)
    {
        (Inode parent, name) = Split(path);
        if (new DirectoryFile(_volume, parent).Find(name) is not null)
        {
            throw GuestPathErrors.Exists(path);
        }

        return parent;
    }

    /// <summary>Gives a new inode its name, or takes it back if that is not possible.</summary>
    private void Attach(Inode parent, byte[] name, Inode inode)
    {
        try
        {
            new DirectoryFile(_volume, parent).Add(name, inode.Number, DirectoryEntryCode.Of(inode.Type));
        }
        catch
        {
            InodeRemoval.Remove(_volume, inode);
            throw;
        }
    }

    private void WriteLink(Inode inode, byte[] target)
    {
        inode.Size = target.Length;
        if (target.Length < InlineData.AreaSize)
        {
            target.CopyTo(inode.BlockArea);
            return;
        }

        StartMap(inode);
        BlockMap map = _volume.Inodes.MapOf(inode);
        long block = _volume.Blocks.AllocateMetadata(inode, 0);
        map.Map(0, block, 1);
        target.CopyTo(_volume.Cache.GetNew(block).Data, 0);
    }

    private void CheckLinks(Inode inode, string path)
    {
        if (inode.Links >= MaxLinks && !(inode.IsDirectory && Super.Has(ExtRoCompat.DirNlink)))
        {
            throw new V2VException("ExtTooManyLinks", V2VErrorKind.NoSpace, $"The guest's {path} has as many links as ext4 allows.", path);
        }
    }

    /// <summary>Counts one more subdirectory; 1 stands for more than can be counted.</summary>
    private static void AddLink(Inode directory)
    {
        if (directory.Links != 1)
        {
            directory.Links = directory.Links >= MaxLinks ? 1 : directory.Links + 1;
        }

        directory.Dirty = true;
    }

    private static void DropDirectoryLink(Inode directory)
    {
        if (directory.Links > 2)
        {
            directory.Links--;
        }

        directory.Dirty = true;
    }

    private void CheckRemovable(Inode inode, string path)
    {
        if (inode.Pins > 0)
        {
            throw GuestPathErrors.InUse(path);
        }

        if (inode.IsDirectory && new DirectoryFile(_volume, inode).Enumerate().Any())
        {
            throw GuestPathErrors.NotEmpty(path);
        }
    }

    private void CheckReplaceable(Inode inode, Inode replaced, string path)
    {
        if (inode.IsDirectory != replaced.IsDirectory)
        {
            throw inode.IsDirectory
                ? GuestPathErrors.NotDirectory(path)
                : GuestPathErrors.IsDirectory(path);
        }

        CheckRemovable(replaced, path);
    }

    /// <summary>A directory cannot be moved below itself.</summary>
    private void CheckNotInside(Inode moved, Inode parent, string path)
    {
        var seen = new HashSet<uint>();
        for (Inode at = parent; at.Number != RootInode; at = _volume.Inodes.GetNamed(new DirectoryFile(_volume, at).Parent))
        {
            if (at == moved || !seen.Add(at.Number))
            {
                throw GuestPathErrors.BelowItself(path);
            }
        }
    }

    /// <summary>Counts one name less, and frees what has none left.</summary>
    private void Unlink(Inode inode, Inode parent)
    {
        if (inode.IsDirectory)
        {
            DropDirectoryLink(parent);
            InodeRemoval.Remove(_volume, inode);
            return;
        }

        inode.Links--;
        if (inode.Links <= 0)
        {
            InodeRemoval.Remove(_volume, inode);
        }
        else
        {
            inode.Touch(contentChanged: false);
        }
    }
}
