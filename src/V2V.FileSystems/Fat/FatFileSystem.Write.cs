using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>The part of the file system that changes it.</summary>
public sealed partial class FatFileSystem
{
    /// <inheritdoc/>
    public override Stream OpenWrite(string path)
    {
        CheckWritable();
        return OpenStream(path, writable: true);
    }

    /// <inheritdoc/>
    public override void CreateFile(string path, FileMetadata metadata)
    {
        (FatDirectory parent, string name) = PrepareCreation(path, metadata);
        byte attributes = (byte)(FatDirectory.AttributeArchive | ReadOnlyAttribute(metadata.Mode));
        parent.Add(name, FatNode.MakeEntry(attributes, 0, metadata.ModifiedTime ?? DateTimeOffset.UtcNow));
    }

    /// <inheritdoc/>
    public override void CreateDirectory(string path, FileMetadata metadata)
    {
        (FatDirectory parent, string name) = PrepareCreation(path, metadata);
        DateTimeOffset time = metadata.ModifiedTime ?? DateTimeOffset.UtcNow;
        uint cluster = _volume.Table.Allocate(1, 0, 0)[0].Start;
        try
        {
            long offset = _volume.Geometry.ClusterOffset(cluster);
            _volume.Device.WriteZeroes(offset, _volume.Geometry.ClusterSize);
            byte[] self = FatNode.MakeEntry(FatDirectory.AttributeDirectory, cluster, time);
            ".          "u8.CopyTo(self);
            _volume.Device.Write(offset, self);
            byte[] up = FatNode.MakeEntry(FatDirectory.AttributeDirectory, ParentCluster(parent), time);
            "..         "u8.CopyTo(up);
            _volume.Device.Write(offset + FatDirectory.SlotSize, up);
            byte attributes = (byte)(FatDirectory.AttributeDirectory | ReadOnlyAttribute(metadata.Mode));
            parent.Add(name, FatNode.MakeEntry(attributes, cluster, time));
        }
        catch (V2VException)
        {
            _volume.Table.FreeChain(cluster);
            throw;
        }
    }

    /// <inheritdoc/>
    public override void CreateSymbolicLink(string path, string target, FileMetadata metadata) =>
        throw FatErrors.NoFeature("FatNoSymbolicLinks", "symbolic links", path);

    /// <inheritdoc/>
    public override void CreateHardLink(string existingPath, string newPath) =>
        throw FatErrors.NoFeature("FatNoHardLinks", "hard links", newPath);

    /// <inheritdoc/>
    public override void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value) =>
        throw FatErrors.NoFeature("FatNoExtendedAttributes", "extended attributes", path);

    /// <inheritdoc/>
    public override void RemoveExtendedAttribute(string path, string name)
    {
        CheckWritable();
        _ = FindNode(path);
    }

    /// <inheritdoc/>
    public override void Delete(string path)
    {
        CheckWritable();
        (FatDirectory parent, FatNode node) = FindWithParent(path);
        Remove(parent, node, path);
    }

    /// <summary>Renames a file; a target that exists is replaced and gives its spelling of the name.</summary>
    public override void Rename(string fromPath, string toPath)
    {
        CheckWritable();
        (FatDirectory source, FatNode node) = FindWithParent(fromPath);
        string[] to = GuestName.SplitPath(toPath);
        if (to.Length == 0)
        {
            throw GuestPathErrors.Invalid(toPath);
        }

        FatName.Check(to[^1]);
        uint moved = node.Cluster(_volume.Geometry.Bits);
        FatDirectory target = FindParentOf(toPath, to, node.IsDirectory ? moved : 0);
        bool sameDirectory = target.FirstCluster == source.FirstCluster;
        target = sameDirectory ? source : target;
        FatNode? existing = target.Find(to[^1]);
        if (existing is null || existing.Offset == node.Offset)
        {
            if (existing?.Name == to[^1])
            {
                return;
            }

            if (sameDirectory)
            {
                source.Rename(node, to[^1]);
                return;
            }

            target.Add(to[^1], node.Raw);
        }
        else
        {
            CheckReplaceable(node, existing, toPath);
            uint freed = existing.Cluster(_volume.Geometry.Bits);
            target.Replace(existing, node);
            if (freed != 0)
            {
                _volume.Table.FreeChain(freed);
            }
        }

        source.Remove(node);
        if (node.IsDirectory && !sameDirectory)
        {
            FatDirectory.Open(_volume, toPath, moved).SetParent(ParentCluster(target));
        }
    }

    /// <inheritdoc/>
    public override void SetMetadata(string path, FileMetadata metadata)
    {
        CheckWritable();
        CheckOwner(path, metadata);
        FatNode node = FindNode(path);
        node.Raw[11] = (byte)((node.Raw[11] & ~FatDirectory.AttributeReadOnly) | ReadOnlyAttribute(metadata.Mode));
        if (metadata.ModifiedTime is { } time)
        {
            FatNode.SetModified(node.Raw, time);
        }

        _volume.Device.Write(node.Offset, node.Raw);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (CanWrite)
        {
            _volume.Flush();
        }
    }

    private static int ReadOnlyAttribute(int mode) => (mode & WriteBits) == 0 ? FatDirectory.AttributeReadOnly : 0;

    private static void CheckOwner(string path, FileMetadata metadata)
    {
        if (metadata.Uid != 0 || metadata.Gid != 0)
        {
            throw FatErrors.NoFeature("FatNoOwners", "owners other than root", path);
        }
    }

    private void CheckWritable()
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }
    }

    /// <summary>What <c>..</c> stores: 0 for the root directory, also where that is a chain of clusters.</summary>
    private uint ParentCluster(FatDirectory parent) => parent.FirstCluster == _volume.Geometry.RootCluster ? 0 : parent.FirstCluster;

    private (FatDirectory Parent, string Name) PrepareCreation(string path, FileMetadata metadata)
    {
        CheckWritable();
        CheckOwner(path, metadata);
        string[] components = GuestName.SplitPath(path);
        if (components.Length == 0)
        {
            throw GuestPathErrors.Exists(path);
        }

        FatName.Check(components[^1]);
        FatDirectory parent = FindParentOf(path, components, 0);
        return parent.Find(components[^1]) is null ? (parent, components[^1]) : throw GuestPathErrors.Exists(path);
    }

    private FatDirectory FindParentOf(string path, string[] components, uint forbiddenCluster)
    {
        string parentPath = "/" + string.Join('/', components[..^1]);
        if (!TryFindParent(components, out FatDirectory? parent))
        {
            throw TryGetEntry(parentPath) is null ? NotFound(parentPath) : GuestPathErrors.NotDirectory(parentPath);
        }

        for (int depth = 2; forbiddenCluster != 0 && depth <= components.Length; depth++)
        {
            if (TryFindParent(components.AsSpan(0, depth), out FatDirectory? ancestor) && ancestor!.FirstCluster == forbiddenCluster)
            {
                throw GuestPathErrors.Invalid(path);
            }
        }

        return parent!;
    }

    private (FatDirectory Parent, FatNode Node) FindWithParent(string path)
    {
        string[] components = GuestName.SplitPath(path);
        if (components.Length == 0)
        {
            throw GuestPathErrors.Invalid(path);
        }

        return TryFindParent(components, out FatDirectory? parent) && parent!.Find(components[^1]) is { } node ? (parent, node) : throw NotFound(path);
    }

    private void CheckReplaceable(FatNode node, FatNode existing, string path)
    {
        if (existing.IsDirectory != node.IsDirectory)
        {
            throw existing.IsDirectory ? GuestPathErrors.IsDirectory(path) : GuestPathErrors.NotDirectory(path);
        }

        CheckEmpty(existing, path);
    }

    private void CheckEmpty(FatNode node, string path)
    {
        uint cluster = node.Cluster(_volume.Geometry.Bits);
        if (node.IsDirectory && cluster != 0 && FatDirectory.Open(_volume, path, cluster).Nodes().Any())
        {
            throw GuestPathErrors.NotEmpty(path);
        }
    }

    private void Remove(FatDirectory parent, FatNode node, string path)
    {
        CheckEmpty(node, path);
        uint cluster = node.Cluster(_volume.Geometry.Bits);
        parent.Remove(node);
        if (cluster != 0)
        {
            _volume.Table.FreeChain(cluster);
        }
    }
}
