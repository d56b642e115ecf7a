using System.Buffers;
using V2V.FileSystems.Btrfs.Allocation;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>
/// Changes the content of a file. New content always goes to new extents, as copy-on-write has it, uncompressed; what it replaces is let
/// go of. Content is never stored inline but for symbolic links, and inline content moves to an extent before it changes.
/// </summary>
internal sealed class FileWriter(BtrfsVolume volume, BtrfsNode node)
{
    private readonly BtrfsTree _tree = node.Tree;

    /// <summary>Writes content at a position and lets the file grow to hold it.</summary>
    public void Write(long position, ReadOnlySpan<byte> content)
    {
        InodeItem inode = node.Load();
        MoveInline(inode);
        int sector = volume.SectorSize;
        long oldEnd = Align(inode.Length);
        long start = position / sector * sector;
        long end = Align(position + content.Length);
        if (start > oldEnd && !volume.Super.Has(BtrfsIncompat.NoHoles))
        {
            FillHoles(oldEnd, start);
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent((int)(end - start));
        try
        {
            Span<byte> sectors = rented.AsSpan(0, (int)(end - start));
            ReadEdges(inode, position, content.Length, start, sectors);
            content.CopyTo(sectors[(int)(position - start)..]);
            Store(inode, start, sectors, Math.Max(inode.Length, position + content.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        inode.Touch(volume.Transaction, contentChanged: true);
        Save(inode);
    }

    /// <summary>Sets the length of the file.</summary>
    public void SetLength(long length)
    {
        InodeItem inode = node.Load();
        MoveInline(inode);
        long old = inode.Length;
        if (length > old)
        {
            if (!volume.Super.Has(BtrfsIncompat.NoHoles))
            {
                FillHoles(Align(old), Align(length));
            }
        }
        else
        {
            Cut(inode, length);
        }

        inode.Length = length;
        inode.Touch(volume.Transaction, contentChanged: true);
        Save(inode);
    }

    /// <summary>Lets go of everything from a position on, and saves nothing: for a file that goes away.</summary>
    public void Release(InodeItem inode)
    {
        while (FindExtent(0) is { } extent)
        {
            if (extent.Kind == FileExtent.Inline || extent.DiskAddress == 0)
            {
                _tree.Delete(Key(extent.Start));
            }
            else
            {
                Drop(inode, extent.Start, extent.End);
                volume.Begin(isFreeing: true);
            }
        }
    }

    /// <summary>Takes away what lies behind the length that the log gives the file.</summary>
    public void CutForReplay(long length)
    {
        InodeItem inode = node.Load();
        if (FindExtent(0) is { Kind: FileExtent.Inline } extent)
        {
            if (length == 0)
            {
                _tree.Delete(Key(0));
                inode.Bytes -= extent.CountedBytes;
            }
        }

        Drop(inode, Math.Max(Align(length), FirstBehindInline()), long.MaxValue / 2);
        Save(inode);
    }

    /// <summary>Puts an extent of the log in the place of what the file has there.</summary>
    /// <param name="inode">The file's inode.</param>
    /// <param name="extent">The extent.</param>
    /// <param name="raw">Its item.</param>
    /// <param name="isNew">True if its data is not in the extent tree yet.</param>
    public void ReplaceForReplay(InodeItem inode, FileExtent extent, byte[] raw, bool isNew)
    {
        // Its own reference first: what goes may be the last one to the same data.
        if (extent.DiskAddress != 0 && isNew)
        {
            volume.References.CreateData(extent.DiskAddress, extent.DiskBytes, Reference(extent));
        }
        else if (extent.DiskAddress != 0)
        {
            volume.References.AddData(extent.DiskAddress, extent.DiskBytes, Reference(extent));
        }

        if (extent.Start == 0 && FindExtent(0) is { Kind: FileExtent.Inline } inline)
        {
            _tree.Delete(Key(0));
            inode.Bytes -= inline.CountedBytes;
        }

        Drop(inode, Math.Max(extent.Start, FirstBehindInline()), Align(extent.End));
        if (!extent.IsHole || !volume.Super.Has(BtrfsIncompat.NoHoles))
        {
            _tree.Set(Key(extent.Start), raw);
            inode.Bytes += extent.CountedBytes;
        }

        Save(inode);
    }

    /// <summary>Where extents that are not inline can begin.</summary>
    private long FirstBehindInline() => FindExtent(0) is { Kind: FileExtent.Inline } extent ? Math.Max(1, extent.End) : 0;

    private long Align(long value) => (value + volume.SectorSize - 1) / volume.SectorSize * volume.SectorSize;

    private BtrfsKey Key(long start) => new(node.Inode, ItemType.ExtentData, (ulong)start);

    private ExtentReference Reference(FileExtent extent) => new(ItemType.ExtentDataRef, _tree.Id, node.Inode, extent.ReferenceOffset);

    private void Save(InodeItem inode) => _tree.Set(node.Key, inode.Raw);

    /// <summary>Reads what is kept of the first and the last sector of a range that is about to be written.</summary>
    private void ReadEdges(InodeItem inode, long position, int length, long start, Span<byte> sectors)
    {
        int sector = volume.SectorSize;
        var reader = new FileReader(volume, node);
        if (position > start || (length < sector && sectors.Length == sector))
        {
            ReadSector(start, sectors[..sector]);
        }

        if (sectors.Length > sector && (position + length) % sector != 0)
        {
            ReadSector(start + sectors.Length - sector, sectors[^sector..]);
        }

        void ReadSector(long at, Span<byte> target)
        {
            int known = (int)Math.Clamp(inode.Length - at, 0, target.Length);
            reader.Read(at, target[..known]);
            target[known..].Clear();
        }
    }

    /// <summary>Stores whole sectors in new extents.</summary>
    private void Store(InodeItem inode, long start, ReadOnlySpan<byte> sectors, long lengthAfter)
    {
        while (!sectors.IsEmpty)
        {
            volume.Begin(isFreeing: false);
            (long address, long length) = volume.Allocator.AllocateData(sectors.Length);
            ReadOnlySpan<byte> piece = sectors[..(int)length];
            volume.Chunks.Write(address, piece);
            Drop(inode, start, start + length);
            var extent = new FileExtent(start, length, FileExtent.Regular, 0, length, address, length, 0, 0);
            volume.References.CreateData(address, length, Reference(extent));
            if (!inode.Has(InodeItem.NoDataSum))
            {
                volume.Checksums.Add(address, piece);
            }

            _tree.Insert(Key(start), extent.Make(volume.Transaction));
            inode.Bytes += length;
            start += length;
            inode.Length = Math.Max(inode.Length, Math.Min(lengthAfter, start));
            Save(inode);
            sectors = sectors[(int)length..];
        }
    }

    /// <summary>Moves inline content to an extent.</summary>
    private void MoveInline(InodeItem inode)
    {
        if (FindExtent(0) is not { Kind: FileExtent.Inline } extent)
        {
            return;
        }

        var content = new byte[Align(Math.Max(1, extent.RamBytes))];
        int length = (int)Math.Min(extent.RamBytes, inode.Length);
        new FileReader(volume, node).Read(0, content.AsSpan(0, length));
        volume.Begin(isFreeing: false);
        _tree.Delete(Key(0));
        inode.Bytes -= extent.CountedBytes;
        Save(inode);
        if (length > 0)
        {
            Store(inode, 0, content.AsSpan(0, (int)Align(length)), inode.Length);
        }

        if (!volume.Super.Has(BtrfsIncompat.NoHoles))
        {
            FillHoles(0, Align(inode.Length));
        }
    }

    /// <summary>Takes away what lies behind a length.</summary>
    private void Cut(InodeItem inode, long length)
    {
        int sector = volume.SectorSize;
        long kept = Align(length);
        Drop(inode, kept, long.MaxValue / 2);
        Save(inode);
        if (length % sector == 0 || FindExtent(length) is not { } last || last.Start >= kept || last.ReadsAsZero)
        {
            return;
        }

        // The rest of the last sector must read as zero when the file grows again.
        byte[] content = new byte[sector];
        long start = kept - sector;
        new FileReader(volume, node).Read(start, content.AsSpan(0, (int)(length - start)));
        inode.Length = length;
        Store(inode, start, content, length);
    }

    /// <summary>Puts explicit holes where a range has no extents, as file systems without the feature no-holes have them.</summary>
    private void FillHoles(long from, long to)
    {
        while (from < to)
        {
            FileExtent? next = FindExtent(from);
            long end = next is { } found ? Math.Min(to, found.Start) : to;
            if (end > from)
            {
                var hole = new FileExtent(from, end - from, FileExtent.Regular, 0, end - from, 0, 0, 0, 0);
                _tree.Insert(Key(from), hole.Make(volume.Transaction));
            }

            from = next is { } passed ? Math.Max(end, passed.End) : to;
        }
    }

    /// <summary>Lets go of a range, aligned to sectors, of a file without inline content.</summary>
    private void Drop(InodeItem inode, long from, long to)
    {
        while (FindExtent(from) is { } extent && extent.Start < to)
        {
            long start = Math.Max(from, extent.Start);
            long end = Math.Min(to, extent.End);
            bool isStored = extent.DiskAddress != 0;
            byte[] raw = _tree.Find(Key(extent.Start)).ToArray();
            if (start == extent.Start)
            {
                _tree.Delete(Key(extent.Start));
            }
            else
            {
                _tree.Set(Key(extent.Start), Piece(raw, extent, extent.Start, start));
            }

            if (end < extent.End)
            {
                _tree.Insert(Key(end), Piece(raw, extent, end, extent.End));
            }

            int pieces = (start > extent.Start ? 1 : 0) + (end < extent.End ? 1 : 0);
            if (isStored)
            {
                inode.Bytes -= end - start;
                if (pieces == 2)
                {
                    volume.References.AddData(extent.DiskAddress, extent.DiskBytes, Reference(extent));
                }
                else if (pieces == 0)
                {
                    volume.References.DropData(extent.DiskAddress, extent.DiskBytes, Reference(extent));
                }
            }

            from = end;
            if (from >= to)
            {
                return;
            }
        }
    }

    /// <summary>The item of a part of an extent; the transaction and everything else stay.</summary>
    private static byte[] Piece(byte[] raw, FileExtent extent, long from, long to)
    {
        byte[] made = (extent with { Start = from, Length = to - from, Offset = extent.DiskAddress == 0 ? 0 : extent.Offset + from - extent.Start }).Make(Le.U64(raw, 0));
        return made;
    }

    /// <summary>The extent that holds a position, or else the next one.</summary>
    private FileExtent? FindExtent(long position)
    {
        var path = new TreePath();
        if (!_tree.Search(Key(position), path) && _tree.Previous(path))
        {
            if (path.Key.ObjectId != node.Inode || path.Key.Type != ItemType.ExtentData
                || FileExtent.Read(path.Key, path.Item, volume.SectorSize).End <= position)
            {
                path.Slot++;
            }
        }

        return _tree.Settle(path) && path.Key.ObjectId == node.Inode && path.Key.Type == ItemType.ExtentData
            ? FileExtent.Read(path.Key, path.Item, volume.SectorSize)
            : null;
    }
}
