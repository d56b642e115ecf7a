using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Guest;

/// <summary>The writing half: operations of <see cref="GuestFileSystem"/> on paths of the tree.</summary>
public sealed partial class GuestTree
{
    /// <summary>Opens an existing regular file for reading and writing.</summary>
    public Stream OpenWrite(string path)
    {
        GuestLocation location = Existing(path, true);
        return location.FileSystem.OpenWrite(location.InnerPath);
    }

    /// <summary>Replaces the content of a file in place, or creates it (where a link points to, if the path is a link to nothing).</summary>
    public void WriteAllBytes(string path, ReadOnlySpan<byte> content, FileMetadata metadata)
    {
        GuestLocation location = Locate(path);
        location.FileSystem.WriteAllBytes(location.InnerPath, content, metadata);
    }

    /// <summary>Replaces the content of a text file, or creates it; the opposite of <see cref="ReadAllText"/>.</summary>
    public void WriteAllText(string path, string text, FileMetadata metadata) => WriteAllBytes(path, GuestText.Encode(text), metadata);

    /// <summary>Creates an empty regular file. The parent must exist and the name must not.</summary>
    public void CreateFile(string path, FileMetadata metadata)
    {
        GuestLocation location = Locate(path, followLinks: false);
        location.FileSystem.CreateFile(location.InnerPath, metadata);
    }

    /// <summary>Creates an empty directory. The parent must exist and the name must not.</summary>
    public void CreateDirectory(string path, FileMetadata metadata)
    {
        GuestLocation location = Locate(path, followLinks: false);
        location.FileSystem.CreateDirectory(location.InnerPath, metadata);
    }

    /// <summary>Creates a directory and those above it that are missing.</summary>
    /// <exception cref="V2VException"><c>GuestNotDirectory</c> if one of the names is a file.</exception>
    public void CreateDirectories(string path, FileMetadata metadata)
    {
        string at = "/";
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            at = GuestPath.Combine(at, part);
            GuestPathResolver.Resolution found = _resolver.Resolve(at, true);
            if (found.Entry is null)
            {
                GuestLocation location = Locate(at);
                location.FileSystem.CreateDirectory(location.InnerPath, metadata);
            }
            else if (!found.Entry.IsDirectory)
            {
                throw new V2VException("GuestNotDirectory", V2VErrorKind.InvalidState, $"The guest's path {at} is not a directory.", at);
            }
        }
    }

    /// <summary>Creates a symbolic link.</summary>
    public void CreateSymbolicLink(string path, string target, FileMetadata metadata)
    {
        GuestLocation location = Locate(path, followLinks: false);
        location.FileSystem.CreateSymbolicLink(location.InnerPath, target, metadata);
        _resolver.Forget();
    }

    /// <summary>Creates a further name for an existing file in the same file system.</summary>
    public void CreateHardLink(string existingPath, string newPath)
    {
        (GuestLocation existing, GuestLocation created) = SameFileSystem(existingPath, newPath);
        existing.FileSystem.CreateHardLink(existing.InnerPath, created.InnerPath);
    }

    /// <summary>Deletes a file, a link itself, or an empty directory.</summary>
    public void Delete(string path)
    {
        GuestLocation location = NotMountPoint(Existing(path, false));
        location.FileSystem.Delete(location.InnerPath);
        _resolver.Forget();
    }

    /// <summary>Renames within one file system as rename(2) does; links are renamed themselves.</summary>
    public void Rename(string fromPath, string toPath)
    {
        (GuestLocation from, GuestLocation to) = SameFileSystem(fromPath, toPath);
        from.FileSystem.Rename(NotMountPoint(from).InnerPath, NotMountPoint(to).InnerPath);
        _resolver.Forget();
    }

    /// <summary>Sets permission bits, owner and modification time.</summary>
    public void SetMetadata(string path, FileMetadata metadata)
    {
        GuestLocation location = Existing(path, true);
        location.FileSystem.SetMetadata(location.InnerPath, metadata);
    }

    /// <summary>Sets or replaces an extended attribute.</summary>
    public void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value, bool followLinks = true)
    {
        GuestLocation location = Existing(path, followLinks);
        location.FileSystem.SetExtendedAttribute(location.InnerPath, name, value);
    }

    /// <summary>Removes an extended attribute; nothing happens if it is not there.</summary>
    public void RemoveExtendedAttribute(string path, string name)
    {
        GuestLocation location = Existing(path, true);
        location.FileSystem.RemoveExtendedAttribute(location.InnerPath, name);
    }

    /// <summary>Writes what is still in memory to the disks.</summary>
    public void Flush()
    {
        foreach (GuestFileSystem fileSystem in Mounts.Select(m => m.FileSystem).Distinct().Where(f => f.CanWrite))
        {
            fileSystem.Flush();
        }
    }

    private (GuestLocation From, GuestLocation To) SameFileSystem(string from, string to)
    {
        GuestLocation first = Existing(from, false), second = Locate(to, followLinks: false);
        return first.FileSystem == second.FileSystem
            ? (first, second)
            : throw new V2VException("GuestCrossDevice", V2VErrorKind.InvalidArgument, $"The guest's paths {from} and {to} lie in different file systems.", to);
    }

    private static GuestLocation NotMountPoint(GuestLocation location) =>
        location.InnerPath != "/"
            ? location
            : throw new V2VException("GuestMountPointBusy", V2VErrorKind.InvalidState,
                $"The guest's path {location.TreePath} is a mount point.", location.TreePath);
}
