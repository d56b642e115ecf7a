using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The steps that changes are made of: file records, names, streams and reparse points.</summary>
public sealed partial class NtfsFileSystem
{
    private const uint DefaultIndexBlock = 4096;

    // Descriptors are compared with all others once for each parent's, not once for each file.
    private readonly Dictionary<(uint Parent, bool IsDirectory), uint> _inherited = [];

    private FileRecord Create(string path, FileMetadata metadata, FileAttributes attributes)
    {
        CheckWritable();
        CheckOwner(path, metadata);
        (FileRecord parent, string name) = PrepareName(path);
        BeginChange();
        bool isDirectory = (attributes & FileAttributes.Directory) != 0;
        FileRecord file = _volume.Mft.Create(isDirectory ? FileRecord.DirectoryFlag : (ushort)0);
        try
        {
            long now = StandardInformation.FromTime(DateTimeOffset.UtcNow);
            var information = new StandardInformation(new byte[_volume.Version.Major >= 3 ? StandardInformation.Size : StandardInformation.OldSize])
            {
                Created = now,
                Modified = metadata.ModifiedTime is { } time ? StandardInformation.FromTime(time) : now,
                Changed = now,
                Accessed = now,
                Attributes = isDirectory ? FileAttributes.None : FileAttributes.Archive | ReadOnlyFor(metadata.Mode),
            };
            file.Attributes.Add(new NtfsAttribute(AttributeType.StandardInformation, "") { Value = information.Raw });
            Protect(file, parent);
            file.Attributes.Add(isDirectory
                ? new NtfsAttribute(AttributeType.IndexRoot, "$I30") { Value = MakeIndexRoot() }
                : new NtfsAttribute(AttributeType.Data, "") { Value = [] });
            AddName(file, parent, name);
            Touch(parent);
            return file;
        }
        catch (V2VException)
        {
            _volume.Mft.Delete(file);
            throw;
        }
    }

    private byte[] MakeIndexRoot()
    {
        var value = new byte[48];
        int blockSize = _volume.Geometry.IndexBlockSize == 0 ? (int)DefaultIndexBlock : _volume.Geometry.IndexBlockSize;
        int unit = _volume.Geometry.ClusterSize <= blockSize ? _volume.Geometry.ClusterSize : 512;
        WriteUInt32LittleEndian(value, AttributeType.FileName);
        WriteUInt32LittleEndian(value.AsSpan(4), (uint)IndexCollation.FileName);
        WriteUInt32LittleEndian(value.AsSpan(8), (uint)blockSize);
        value[12] = (byte)(blockSize / unit);
        var node = new IndexNode(IndexNode.RootVcn);
        node.Entries.Add(IndexEntry.End());
        node.Write(value.AsSpan(16), IndexNode.HeaderSize);
        return value;
    }

    private void Protect(FileRecord file, FileRecord parent)
    {
        uint parentId = parent.Find(AttributeType.SecurityDescriptor) is null ? StandardInformation.Of(parent).SecurityId : 0;
        StandardInformation information = StandardInformation.Of(file);
        if (parentId != 0 && information.Raw.Length >= StandardInformation.Size && _inherited.TryGetValue((parentId, file.IsDirectory), out uint id))
        {
            information.SecurityId = id;
            return;
        }

        if (Security.Read(parent) is { } descriptor)
        {
            Security.Assign(file, SecurityInheritance.Make(descriptor, file.IsDirectory));
            if (parentId != 0 && file.Find(AttributeType.SecurityDescriptor) is null)
            {
                _inherited[(parentId, file.IsDirectory)] = information.SecurityId;
            }
        }
    }

    /// <summary>Gives a file a name in a directory, with a short one beside it where the directory has such. Saves the file.</summary>
    private void AddName(FileRecord file, FileRecord parent, string name)
    {
        IndexTree index = _volume.OpenDirectory(parent);
        bool isShort = ShortName.IsShort(name);
        string? shortName = !isShort && UsesShortNames(parent) ? ShortName.Make(name, candidate => index.FindName(candidate) is not null) : null;
        AddKey(file, index, FileName.Make(parent.Reference, name, isShort ? FileNamespace.Win32AndDos : FileNamespace.Win32));
        if (shortName is not null && !file.Attributes.Any(a => a is { Type: AttributeType.FileName, Value: not null } && FileName.Namespace(a.Value) == FileNamespace.Dos))
        {
            AddKey(file, index, FileName.Make(parent.Reference, shortName, FileNamespace.Dos));
        }

        _volume.Mft.Save(file);
    }

    private void AddKey(FileRecord file, IndexTree index, byte[] key)
    {
        FillDuplicates(file, key);
        index.Insert(IndexEntry.ForFile(file.Reference, key));
        file.Attributes.Add(new NtfsAttribute(AttributeType.FileName, "") { Value = key, IndexedFlag = 1 });
        file.LinkCount++;
    }

    /// <summary>True if long names in a directory, or in one above it, have short ones beside them.</summary>
    private bool UsesShortNames(FileRecord directory)
    {
        const int Looked = 200;
        const int MaxDepth = 64;
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            bool hasLong = false;
            foreach (IndexEntry entry in _volume.OpenDirectory(directory).Entries().Take(Looked))
            {
                if (FileName.Namespace(entry.Key) == FileNamespace.Dos)
                {
                    return true;
                }

                hasLong |= FileName.Namespace(entry.Key) is FileNamespace.Win32 or FileNamespace.Posix
                    && (entry.Reference & 0xFFFFFFFFFFFF) >= NtfsVolume.FirstUserRecord && !ShortName.IsShort(FileName.Name(entry.Key));
            }

            if (hasLong || directory.Number == NtfsVolume.RootNumber)
            {
                return false;
            }

            byte[] key = directory.GetValue(AttributeType.FileName, "", FileName.HeaderSize);
            directory = _volume.Mft.Get(FileName.Parent(key));
        }

        return false;
    }

    /// <summary>Takes a name and its short companion away. The file is not saved.</summary>
    private void RemoveName(FileRecord file, FileRecord parent, ReadOnlySpan<byte> key)
    {
        FileNamespace space = FileName.Namespace(key);
        RemoveKey(file, parent, key);
        if (space is FileNamespace.Win32 or FileNamespace.Dos)
        {
            FileNamespace other = space == FileNamespace.Win32 ? FileNamespace.Dos : FileNamespace.Win32;
            NtfsAttribute[] companions = [.. file.Attributes.Where(
                a => a is { Type: AttributeType.FileName, Value.Length: >= FileName.HeaderSize } && FileName.Namespace(a.Value) == other && FileName.Parent(a.Value) == parent.Reference)];
            if (companions.Length > 0 && (other == FileNamespace.Dos || companions.Length == 1))
            {
                RemoveKey(file, parent, companions[0].Value);
            }
        }
    }

    private void RemoveKey(FileRecord file, FileRecord parent, ReadOnlySpan<byte> key)
    {
        byte[] wanted = key.ToArray();
        NtfsAttribute attribute = file.Attributes.Find(
            a => a is { Type: AttributeType.FileName, Value.Length: >= FileName.HeaderSize } && FileName.Parent(a.Value) == parent.Reference
                && a.Value.AsSpan(FileName.HeaderSize - 2).SequenceEqual(wanted.AsSpan(FileName.HeaderSize - 2)))
            ?? throw NtfsErrors.Record(file.Number, "it lacks a name by which its directory knows it");
        _volume.OpenDirectory(parent).Remove(wanted);
        file.Attributes.Remove(attribute);
        file.LinkCount = (ushort)Math.Max(0, file.LinkCount - 1);
    }

    /// <summary>Takes a name away, and the file with its last one.</summary>
    private void Unlink(Node node)
    {
        FileRecord file = node.File;
        RemoveName(file, node.Parent, node.Key);
        if (file.Attributes.Any(a => a.Type == AttributeType.FileName))
        {
            MarkChanged(file, modified: false);
            return;
        }

        ExtendIndexes.RemoveReparse(_volume, file);
        ExtendIndexes.RemoveObjectId(_volume, file);
        _volume.Mft.Delete(file);
    }

    private NtfsAttribute AddStream(FileRecord file, string name, string path)
    {
        CheckOrdinary(path, file);
        NtfsName.Check(name);
        BeginChange();
        var attribute = new NtfsAttribute(AttributeType.Data, name) { Value = [] };
        file.Attributes.Add(attribute);
        Touch(file);
        return attribute;
    }

    private void DeleteStream(string path)
    {
        if (FindStream(path) is not (var node, _, { } attribute))
        {
            throw NotFound(path);
        }

        CheckOrdinary(path, node.File);
        RemoveStream(node.File, attribute);
    }

    private void RemoveStream(FileRecord file, NtfsAttribute stream)
    {
        BeginChange();
        _volume.Content.Free(stream);
        file.Attributes.Remove(stream);
        Touch(file);
    }

    private void SetReparsePoint(FileRecord file, ReparsePoint point)
    {
        file.Attributes.Add(new NtfsAttribute(AttributeType.ReparsePoint, "") { Value = point.Bytes });
        StandardInformation information = StandardInformation.Of(file);
        information.Attributes |= FileAttributes.ReparsePoint;
        ExtendIndexes.AddReparse(_volume, file, point.Tag);
    }

    /// <summary>Makes an ordinary file of a reparse point. The file is not saved.</summary>
    internal void RemoveReparsePoint(FileRecord file)
    {
        ExtendIndexes.RemoveReparse(_volume, file);
        if (file.Find(AttributeType.ReparsePoint) is { } attribute)
        {
            _volume.Content.Free(attribute);
            file.Attributes.Remove(attribute);
        }

        StandardInformation information = StandardInformation.Of(file);
        information.Attributes &= ~FileAttributes.ReparsePoint;
    }

    private void MarkChanged(FileRecord file, bool modified)
    {
        StandardInformation information = StandardInformation.Of(file);
        information.Changed = StandardInformation.FromTime(DateTimeOffset.UtcNow);
        if (modified)
        {
            information.Modified = information.Changed;
            information.Attributes |= file.IsDirectory ? FileAttributes.None : FileAttributes.Archive;
        }

        _volume.Mft.Save(file);
        foreach (NtfsAttribute name in file.Attributes.Where(a => a is { Type: AttributeType.FileName, Value.Length: >= FileName.HeaderSize }).ToArray())
        {
            byte[] key = [.. name.Value!];
            FillDuplicates(file, key);
            _volume.OpenDirectory(_volume.Mft.Get(FileName.Parent(key))).Update(key, FileName.DuplicateOffset, key.AsSpan(FileName.DuplicateOffset, FileName.DuplicateLength));
        }
    }

    /// <summary>Puts times, sizes and attributes of a file into a directory's key.</summary>
    private void FillDuplicates(FileRecord file, Span<byte> key)
    {
        StandardInformation information = StandardInformation.Of(file);
        information.Times.CopyTo(key[8..]);
        long allocated = 0;
        long length = 0;
        if (!file.IsDirectory && FindData(file, "") is { } data)
        {
            length = data.Length;
            allocated = data.IsResident ? (length + 7) & ~7L
                : (data.IsSparse || data.IsCompressed ? data.Runs.AllocatedClusters : data.Runs.ClusterCount) * _volume.Geometry.ClusterSize;
        }

        WriteInt64LittleEndian(key[40..], allocated);
        WriteInt64LittleEndian(key[48..], length);
        FileAttributes attributes = information.Attributes | (file.IsDirectory ? FileAttributes.Directory : FileAttributes.None);
        WriteUInt32LittleEndian(key[56..], (uint)attributes);
        if (file.Find(AttributeType.ReparsePoint) is not null)
        {
            WriteUInt32LittleEndian(key[60..], ReparsePoint.Read(_volume, file)!.Value.Tag);
        }
        else if (file.Find(AttributeType.EaInformation) is null)
        {
            WriteUInt32LittleEndian(key[60..], 0);
        }
    }
}
