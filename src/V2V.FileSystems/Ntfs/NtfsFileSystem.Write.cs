using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>The part of the file system that changes it.</summary>
public sealed partial class NtfsFileSystem
{
    private const FileAttributes SettableAttributes =
        FileAttributes.ReadOnly | FileAttributes.Hidden | FileAttributes.System | FileAttributes.Archive | FileAttributes.Temporary | FileAttributes.Offline | FileAttributes.NotIndexed;

    private SecurityStore? _security;
    private bool _begun;

    private SecurityStore Security => _security ??= new SecurityStore(_volume);

    /// <inheritdoc/>
    public override Stream OpenWrite(string path)
    {
        CheckWritable();
        (FileRecord file, NtfsAttribute attribute) = GetStream(path);
        CheckOrdinary(path, file);
        ContentReader reader = OpenContent(file, attribute, path);
        return new NtfsFileStream(attribute, reader, new NtfsStreamWriter(this, _volume, file, attribute, reader, path));
    }

    /// <summary>Creates an empty file, or with a path <c>/file:stream</c> an empty stream of a file.</summary>
    public override void CreateFile(string path, FileMetadata metadata)
    {
        CheckWritable();
        if (Find(path) is null && FindStream(path) is (var node, var stream, var attribute))
        {
            if (attribute is not null)
            {
                throw GuestPathErrors.Exists(path);
            }

            AddStream(node.File, stream, path);
            return;
        }

        Create(path, metadata, FileAttributes.Archive);
    }

    /// <inheritdoc/>
    public override void CreateDirectory(string path, FileMetadata metadata) => Create(path, metadata, FileAttributes.Directory);

    /// <summary>Creates a symbolic link of Windows: to a directory if the target is one now, else to a file.</summary>
    public override void CreateSymbolicLink(string path, string target, FileMetadata metadata)
    {
        if (target.Length is 0 or > 4000 || target.Contains('\0', StringComparison.Ordinal))
        {
            throw GuestPathErrors.Invalid(target);
        }

        FileRecord file = Create(path, metadata, IsDirectoryTarget(path, target) ? FileAttributes.Directory : FileAttributes.Archive);
        SetReparsePoint(file, ReparsePoint.MakeLink(target));
        Touch(file);
    }

    /// <inheritdoc/>
    public override void CreateHardLink(string existingPath, string newPath)
    {
        const int MostLinks = 1024;
        CheckWritable();
        Node node = Get(existingPath);
        CheckOrdinary(existingPath, node.File);
        if (node.File.IsDirectory)
        {
            throw GuestPathErrors.IsDirectory(existingPath);
        }

        (FileRecord parent, string name) = PrepareName(newPath);
        if (node.File.LinkCount >= MostLinks)
        {
            throw new V2VException("NtfsTooManyLinks", V2VErrorKind.Limit, $"The file {existingPath} has 1024 names, the most that NTFS allows.", existingPath);
        }

        BeginChange();
        AddName(node.File, parent, name);
        MarkChanged(node.File, modified: false);
        Touch(parent);
    }

    /// <summary>Deletes a name, and the file with its last one; with a path <c>/file:stream</c> only that stream.</summary>
    public override void Delete(string path)
    {
        CheckWritable();
        if (Find(path) is not { } node)
        {
            DeleteStream(path);
            return;
        }

        CheckRemovable(path, node);
        BeginChange();
        Unlink(node);
        Touch(node.Parent);
    }

    /// <summary>Renames a file; a target that exists is replaced.</summary>
    public override void Rename(string fromPath, string toPath)
    {
        CheckWritable();
        Node node = Get(fromPath);
        if (node.Key.Length == 0)
        {
            throw GuestPathErrors.Invalid(fromPath);
        }

        CheckOrdinary(fromPath, node.File);
        string[] to = GuestName.SplitPath(toPath);
        (FileRecord parent, string name) = FindParent(toPath, to, node.File);
        if (Find(toPath, to) is { } existing)
        {
            if (existing.File == node.File)
            {
                // Another link of the same file: nothing happens. Another case of the same name: it is renamed.
                if (FileName.Name(existing.Key) == name || !existing.Key.AsSpan().SequenceEqual(node.Key))
                {
                    return;
                }
            }
            else
            {
                CheckReplaceable(node, existing, toPath);
                BeginChange();
                Unlink(existing);
            }
        }

        BeginChange();
        RemoveName(node.File, node.Parent, node.Key);
        AddName(node.File, parent, name);
        MarkChanged(node.File, modified: false);
        Touch(node.Parent);
        if (parent != node.Parent)
        {
            Touch(parent);
        }
    }

    /// <inheritdoc/>
    public override void SetMetadata(string path, FileMetadata metadata)
    {
        CheckWritable();
        CheckOwner(path, metadata);
        Node node = Get(path);
        CheckOrdinary(path, node.File);
        BeginChange();
        StandardInformation information = StandardInformation.Of(node.File);
        if (!node.File.IsDirectory)
        {
            information.Attributes = (information.Attributes & ~FileAttributes.ReadOnly) | ReadOnlyFor(metadata.Mode);
        }

        if (metadata.ModifiedTime is { } time)
        {
            information.Modified = StandardInformation.FromTime(time);
        }

        MarkChanged(node.File, modified: false);
    }

    /// <inheritdoc/>
    public override void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        CheckWritable();
        Node node = Get(path);
        CheckOrdinary(path, node.File);
        switch (name)
        {
            case "system.ntfs_attrib" when value.Length == 4:
                BeginChange();
                StandardInformation information = StandardInformation.Of(node.File);
                var attributes = (FileAttributes)BitConverter.ToUInt32(value);
                information.Attributes = (information.Attributes & ~SettableAttributes) | (attributes & SettableAttributes);
                MarkChanged(node.File, modified: false);
                break;
            case "system.ntfs_acl":
                SetSecurity(path, value);
                break;
            default:
                if (!name.StartsWith("user.", StringComparison.Ordinal) || name.Length == 5)
                {
                    throw NtfsErrors.Attribute(name);
                }

                NtfsAttribute stream = FindData(node.File, name[5..]) ?? AddStream(node.File, name[5..], path);
                ContentReader reader = OpenContent(node.File, stream, path);
                var writer = new NtfsStreamWriter(this, _volume, node.File, stream, reader, path);
                writer.SetLength(value.Length);
                writer.Write(0, value);
                writer.Flush();
                break;
        }
    }

    /// <summary>
    /// Gives a file or directory a security descriptor; files that are made in a directory from then on inherit its inheritable entries, those that
    /// exist keep what they have. The same as the extended attribute <c>system.ntfs_acl</c>.
    /// </summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="descriptor">A self-relative descriptor, for example <see cref="NtfsSecurityDescriptor.SystemAndAdministrators"/>.</param>
    /// <exception cref="V2VException"><c>NtfsSecurityInvalid</c>.</exception>
    public void SetSecurity(string path, ReadOnlySpan<byte> descriptor)
    {
        CheckWritable();
        NtfsSecurityDescriptor.Check(descriptor);
        Node node = Get(path);
        CheckOrdinary(path, node.File);
        BeginChange();
        Security.Assign(node.File, descriptor.ToArray());
        MarkChanged(node.File, modified: false);
    }

    /// <inheritdoc/>
    public override void RemoveExtendedAttribute(string path, string name)
    {
        CheckWritable();
        Node node = Get(path);
        CheckOrdinary(path, node.File);
        if (name.StartsWith("user.", StringComparison.Ordinal) && name.Length > 5)
        {
            if (FindData(node.File, name[5..]) is { } stream)
            {
                RemoveStream(node.File, stream);
            }
        }
        else if (name.StartsWith("system.ntfs_", StringComparison.Ordinal))
        {
            throw NtfsErrors.Attribute(name);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (CanWrite && _begun)
        {
            _volume.Flush();
        }
    }

    /// <summary>Before the first change: the log and the change journal no longer tell the volume's story.</summary>
    internal void BeginChange()
    {
        if (_begun)
        {
            return;
        }

        _begun = true;
        _log.Empty();
        ChangeJournal.StartAnew(_volume);
        ExtendIndexes.MarkQuotasOutOfDate(_volume);
    }

    /// <summary>After the content of a file or directory changed: times, archive bit, and the copies of both in directories.</summary>
    internal void Touch(FileRecord file) => MarkChanged(file, modified: true);

    private static FileAttributes ReadOnlyFor(int mode) => (mode & WriteBits) == 0 ? FileAttributes.ReadOnly : FileAttributes.None;

    private static void CheckOwner(string path, FileMetadata metadata)
    {
        if (metadata.Uid != 0 || metadata.Gid != 0)
        {
            throw NtfsErrors.NoOwners(path);
        }
    }

    /// <summary>Files of NTFS itself, those in <c>$Extend</c> too, stay as they are.</summary>
    private static void CheckOrdinary(string path, FileRecord file)
    {
        if ((file.Number < NtfsVolume.FirstUserRecord && file.Number != NtfsVolume.RootNumber) || IsInExtend(file))
        {
            throw NtfsErrors.System(path);
        }
    }

    private static bool IsInExtend(FileRecord file) =>
        file.Find(AttributeType.FileName)?.Value is { Length: >= FileName.HeaderSize } key && (FileName.Parent(key) & 0xFFFFFFFFFFFF) == NtfsVolume.ExtendNumber;

    private void CheckWritable()
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }
    }

    private void CheckRemovable(string path, Node node)
    {
        if (node.Key.Length == 0)
        {
            throw GuestPathErrors.Invalid(path);
        }

        CheckOrdinary(path, node.File);
        if (node.File.IsDirectory && _volume.OpenDirectory(node.File).Entries().Any())
        {
            throw GuestPathErrors.NotEmpty(path);
        }
    }

    private void CheckReplaceable(Node node, Node existing, string path)
    {
        if (node.File.IsDirectory != existing.File.IsDirectory)
        {
            throw existing.File.IsDirectory ? GuestPathErrors.IsDirectory(path) : GuestPathErrors.NotDirectory(path);
        }

        CheckRemovable(path, existing);
    }

    /// <summary>The directory that a new name goes into, and the name.</summary>
    private (FileRecord Parent, string Name) PrepareName(string path)
    {
        string[] components = GuestName.SplitPath(path);
        (FileRecord parent, string name) = FindParent(path, components, null);
        return _volume.OpenDirectory(parent).FindName(name) is null ? (parent, name) : throw GuestPathErrors.Exists(path);
    }

    private (FileRecord Parent, string Name) FindParent(string path, string[] components, FileRecord? forbidden)
    {
        if (components.Length == 0)
        {
            throw GuestPathErrors.Exists(path);
        }

        string name = components[^1];
        NtfsName.Check(name);
        string parentPath = "/" + string.Join('/', components[..^1]);
        for (int depth = 1; forbidden is not null && depth < components.Length; depth++)
        {
            if (Find(path, components.AsSpan(0, depth))?.File == forbidden)
            {
                throw GuestPathErrors.Invalid(path);
            }
        }

        FileRecord parent = GetDirectory(parentPath);
        CheckOrdinary(parentPath, parent);
        return (parent, name);
    }

    private bool IsDirectoryTarget(string path, string target)
    {
        string plain = target.Replace('\\', '/');
        plain = plain.Length > 1 && plain[1] == ':' ? plain[2..] : plain.StartsWith('/') ? plain : path[..(path.TrimEnd('/').LastIndexOf('/') + 1)] + plain;
        var names = new List<string>();
        foreach (string name in plain.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == ".." && names.Count > 0)
            {
                names.RemoveAt(names.Count - 1);
            }
            else if (name is not ("." or ".."))
            {
                names.Add(name);
            }
        }

        return Find(plain, [.. names])?.File.IsDirectory == true;
    }
}
