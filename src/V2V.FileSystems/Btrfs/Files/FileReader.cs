using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>Reads the content of a file from its extents; the last compressed extent stays decoded for the next call.</summary>
internal sealed class FileReader(BtrfsVolume volume, BtrfsNode node)
{
    private byte[]? _decoded;
    private (long Address, long Length) _decodedExtent = (-1, 0);

    /// <summary>Fills a range; what is no data reads as zero. The caller keeps to the file's length.</summary>
    public void Read(long position, Span<byte> target)
    {
        var path = new TreePath();
        Seek(position, path);
        while (!target.IsEmpty)
        {
            if (!node.Tree.Settle(path) || path.Key.ObjectId != node.Inode || path.Key.Type != ItemType.ExtentData)
            {
                target.Clear();
                return;
            }

            var extent = FileExtent.Read(path.Key, path.Item, volume.SectorSize);
            if (extent.End <= position)
            {
                path.Slot++;
                continue;
            }

            int hole = (int)Math.Min(target.Length, Math.Max(0, extent.Start - position));
            target[..hole].Clear();
            position += hole;
            target = target[hole..];
            int length = (int)Math.Min(target.Length, extent.End - position);
            ReadExtent(extent, path, position - extent.Start, target[..length]);
            position += length;
            target = target[length..];
            path.Slot++;
        }
    }

    /// <summary>Forgets what was decoded: the file changed.</summary>
    public void Forget() => _decodedExtent = (-1, 0);

    /// <summary>Goes to the extent that holds a position, or to the next one.</summary>
    private void Seek(long position, TreePath path)
    {
        if (!node.Tree.Search(new BtrfsKey(node.Inode, ItemType.ExtentData, (ulong)position), path) && node.Tree.Previous(path)
            && (path.Key.ObjectId != node.Inode || path.Key.Type != ItemType.ExtentData))
        {
            path.Slot++;
        }
    }

    private void ReadExtent(FileExtent extent, TreePath path, long within, Span<byte> target)
    {
        if (target.IsEmpty)
        {
            return;
        }

        if (extent.ReadsAsZero)
        {
            target.Clear();
            return;
        }

        if (extent.Compression == 0)
        {
            if (extent.Kind == FileExtent.Inline)
            {
                path.Item.Slice(FileExtent.InlineHeaderSize + (int)within, target.Length).CopyTo(target);
            }
            else
            {
                volume.Checksums.Read(extent.DiskAddress + extent.Offset + within, target);
            }

            return;
        }

        var wanted = (extent.DiskAddress, extent.RamBytes);
        if (_decoded is null || _decodedExtent != wanted)
        {
            byte[] stored;
            if (extent.Kind == FileExtent.Inline)
            {
                stored = path.Item[FileExtent.InlineHeaderSize..].ToArray();
            }
            else
            {
                stored = new byte[extent.DiskBytes];
                volume.Checksums.Read(extent.DiskAddress, stored);
            }

            // The last sector may be used beyond the decompressed length: it is zero.
            _decoded = new byte[(extent.RamBytes + volume.SectorSize - 1) / volume.SectorSize * volume.SectorSize];
            ExtentDecoder.Decode(extent.Compression, stored, _decoded.AsSpan(0, (int)extent.RamBytes), volume.SectorSize, node.Inode);
            _decodedExtent = wanted;
        }

        _decoded.AsSpan((int)(extent.Offset + within), target.Length).CopyTo(target);
    }
}
