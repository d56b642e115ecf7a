using V2V.FileSystems.Xfs.Attributes;
using V2V.FileSystems.Xfs.Directories;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>The operations that change the file system.</summary>
public sealed partial class XfsFileSystem
{
    private const int MaxNameLength = 255;
    private const uint MaxLinks = int.MaxValue;

    /// <inheritdoc/>
    public override Stream OpenWrite(string path)
    {
        StartWrite();
        XfsInode inode = GetFile(path);
        _ = inode.Data.Extents;
        return new XfsFileStream(_volume, inode, writable: true);
    }

    /// <inheritdoc/>
    public override void CreateFile(string path, FileMetadata metadata)
    {
        StartWrite();
        XfsInode parent = GetParent(path, out byte[] name);
        XfsInode inode = _volume.InodeNumbers.Allocate(parent, 0x8000 | (metadata.Mode & 0xFFF), metadata.Uid, metadata.Gid);
        inode.Links = 1;
        Attach(parent, name, inode);
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void CreateDirectory(string path, FileMetadata metadata)
    {
        StartWrite();
        XfsInode parent = GetParent(path, out byte[] name);
        CheckLinks(parent, path);
        XfsInode inode = _volume.InodeNumbers.Allocate(parent, 0x4000 | (metadata.Mode & 0xFFF), metadata.Uid, metadata.Gid);
        inode.Links = 2;
        new DirectoryFile(_volume, inode).Initialise(parent.Number);
        Attach(parent, name, inode);
        parent.Links++;
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void CreateSymbolicLink(string path, string target, FileMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(target);
        StartWrite();
        byte[] bytes = GuestName.Encode(target);
        if (bytes.Length is 0 or >= SymbolicLink.MaxLength || bytes.AsSpan().Contains((byte)0))
        {
            throw GuestPathErrors.LinkTarget(path);
        }

        XfsInode parent = GetParent(path, out byte[] name);
        XfsInode inode = _volume.InodeNumbers.Allocate(parent, 0xA1FF, metadata.Uid, metadata.Gid);
        inode.Links = 1;
        try
        {
            SymbolicLink.Write(_volume, inode, bytes);
        }
        catch
        {
            _volume.InodeNumbers.Remove(inode);
            throw;
        }

        Attach(parent, name, inode);
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void CreateHardLink(string existingPath, string newPath)
    {
        StartWrite();
        XfsInode inode = GetInode(existingPath);
        if (inode.IsDirectory)
        {
            throw GuestPathErrors.OneNameOnly(existingPath);
        }

        CheckLinks(inode, existingPath);
        XfsInode parent = GetParent(newPath, out byte[] name);
        var attributes = new AttributeStore(_volume, inode);
        attributes.AddParent(parent, name);
        try
        {
            new DirectoryFile(_volume, parent).Add(name, inode.Number, DirectoryEntryCode.Of(inode.Type));
        }
        catch
        {
            _volume.Space.IsFreeing = true;
            attributes.RemoveParent(parent, name);
            throw;
        }

        parent.Touch(contentChanged: true);
        inode.Upgrade();
        inode.Links++;
        inode.Touch(contentChanged: false);
    }

    /// <inheritdoc/>
    public override void Delete(string path)
    {
        StartWrite(isFreeing: true);
        (XfsInode parent, byte[] name) = Split(path);
        var directory = new DirectoryFile(_volume, parent);
        FoundEntry found = directory.Find(name) ?? throw NotFound(path);
        XfsInode inode = _volume.Inodes.GetNamed(found.Inode);
        CheckRemovable(inode, path);
        directory.Remove(name);
        parent.Touch(contentChanged: true);
        Unlink(inode, parent, name);
    }

    /// <inheritdoc/>
    public override void Rename(string fromPath, string toPath)
    {
        StartWrite(isFreeing: true);
        (XfsInode fromParent, byte[] fromName) = Split(fromPath);
        (XfsInode toParent, byte[] toName) = Split(toPath);
        var source = new DirectoryFile(_volume, fromParent);
        FoundEntry from = source.Find(fromName) ?? throw NotFound(fromPath);
        XfsInode inode = _volume.Inodes.GetNamed(from.Inode);
        var destination = new DirectoryFile(_volume, toParent);
        XfsInode? replaced = destination.Find(toName) is { } target ? _volume.Inodes.GetNamed(target.Inode) : null;
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
        }

        var attributes = new AttributeStore(_volume, inode);
        attributes.ReplaceParent(fromParent, fromName, toParent, toName);
        try
        {
            if (replaced is not null)
            {
                destination.Replace(toName, inode.Number, DirectoryEntryCode.Of(inode.Type));
            }
            else
            {
                destination.Add(toName, inode.Number, DirectoryEntryCode.Of(inode.Type));
            }
        }
        catch
        {
            attributes.ReplaceParent(toParent, toName, fromParent, fromName);
            throw;
        }

        new DirectoryFile(_volume, fromParent).Remove(fromName);
        if (moves)
        {
            new DirectoryFile(_volume, inode).SetParent(toParent.Number);
            toParent.Links++;
            fromParent.Links--;
        }

        fromParent.Touch(contentChanged: true);
        toParent.Touch(contentChanged: true);
        inode.Touch(contentChanged: false);
        if (replaced is not null)
        {
            Unlink(replaced, toParent, toName);
        }
    }

    /// <inheritdoc/>
    public override void SetMetadata(string path, FileMetadata metadata)
    {
        StartWrite(isFreeing: true);
        XfsInode inode = GetInode(path);
        var attributes = new AttributeStore(_volume, inode);
        if (attributes.Get(AttributeEntry.Root, AttributeName.StoredAccessList) is { } list && AccessControlList.SetMode(list, metadata.Mode))
        {
            attributes.Set(AttributeEntry.Root, AttributeName.StoredAccessList, list);
        }

        inode.Uid = metadata.Uid;
        inode.Gid = metadata.Gid;
        inode.Mode = (inode.Mode & XfsInode.TypeMask) | (metadata.Mode & 0xFFF);
        inode.Touch(contentChanged: true);
        SetTime(inode, metadata);
    }

    /// <inheritdoc/>
    public override void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        StartWrite();
        XfsInode inode = GetInode(path);
        if (!AttributeName.TryParse(name, out byte space, out byte[] rest))
        {
            throw V2VException.Unsupported("XfsAttributeNameUnsupported", $"The name '{name}' is not one that an extended attribute of XFS can have.", path);
        }

        if (AttributeName.IsAccessList(name) && AccessControlList.ToStored(value) is { } list)
        {
            value = list;
        }

        new AttributeStore(_volume, inode).Set(space, rest, value);
        inode.Touch(contentChanged: false);
    }

    /// <inheritdoc/>
    public override void RemoveExtendedAttribute(string path, string name)
    {
        StartWrite(isFreeing: true);
        XfsInode inode = GetInode(path);
        if (AttributeName.TryParse(name, out byte space, out byte[] rest) && new AttributeStore(_volume, inode).Remove(space, rest))
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

    private static void SetTime(XfsInode inode, FileMetadata metadata)
    {
        if (metadata.ModifiedTime is { } time)
        {
            inode.ModifiedTime = time;
        }
    }

    private static void CheckLinks(XfsInode inode, string path)
    {
        if (inode.Links >= MaxLinks)
        {
            throw new V2VException("XfsTooManyLinks", V2VErrorKind.NoSpace, $"The guest's {path} has as many links as XFS allows.", path);
        }
    }

    /// <param name="isFreeing">True for an operation that frees more than it takes.</param>
    private void StartWrite(bool isFreeing = false)
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        _volume.Space.IsFreeing = isFreeing;
        _volume.Trim();
    }

    private (XfsInode Parent, byte[] Name) Split(string path)
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
        XfsInode parent = GetInode(parentPath);
        return parent.IsDirectory ? (parent, name) : throw GuestPathErrors.NotDirectory(parentPath);
    }

    /// <summary>The parent of a path that must not exist yet.</summary>
    private XfsInode GetParent(string path, out byte[] name)
    {
        (XfsInode parent, name) = Split(path);
        return new DirectoryFile(_volume, parent).Find(name) is null
            ? parent
            : throw GuestPathErrors.Exists(path);
    }

    /// <summary>Gives a new inode its name, or takes it back if that is not possible.</summary>
    private void Attach(XfsInode parent, byte[] name, XfsInode inode)
    {
        try
        {
            new AttributeStore(_volume, inode).AddParent(parent, name);
            new DirectoryFile(_volume, parent).Add(name, inode.Number, DirectoryEntryCode.Of(inode.Type));
        }
        catch
        {
            _volume.InodeNumbers.Remove(inode);
            throw;
        }

        parent.Touch(contentChanged: true);
    }

    private void CheckRemovable(XfsInode inode, string path)
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

    private void CheckReplaceable(XfsInode inode, XfsInode replaced, string path)
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
    private void CheckNotInside(XfsInode moved, XfsInode parent, string path)
    {
        var seen = new HashSet<ulong>();
        for (XfsInode at = parent; at.Number != Super.RootInode; at = _volume.Inodes.GetNamed(new DirectoryFile(_volume, at).Parent))
        {
            if (at == moved || !seen.Add(at.Number))
            {
                throw GuestPathErrors.BelowItself(path);
            }
        }
    }

    /// <summary>Counts one name less, and frees what has none left.</summary>
    private void Unlink(XfsInode inode, XfsInode parent, byte[] name)
    {
        if (inode.IsDirectory)
        {
            parent.Links--;
            _volume.InodeNumbers.Remove(inode);
            return;
        }

        inode.Upgrade();
        inode.Links--;
        if (inode.Links == 0)
        {
            _volume.InodeNumbers.Remove(inode);
        }
        else
        {
            new AttributeStore(_volume, inode).RemoveParent(parent, name);
            inode.Touch(contentChanged: false);
        }
    }
}
