using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs;

/// <summary>
/// The target of a symbolic link ("Symbolic Links" of the XFS documentation): in the inode, or in blocks. In version 5 every run of
/// blocks has one header.
/// </summary>
internal static class SymbolicLink
{
    /// <summary>The longest target with the NUL that the kernel counts.</summary>
    public const int MaxLength = 1024;

    private const uint Magic = 0x58534C4D;
    private const int HeaderSize = 56;
    private const int Crc = 12;

    /// <summary>Reads the target.</summary>
    public static byte[] Read(XfsVolume volume, XfsInode inode)
    {
        if (inode.Size is <= 0 or > MaxLength)
        {
            throw XfsErrors.Inode(inode.Number, "the length of its link target is out of range");
        }

        if (inode.Data.Format == ForkFormat.Local)
        {
            return inode.Size <= inode.Data.Area.Length
                ? inode.Data.Area[..(int)inode.Size].ToArray()
                : throw XfsErrors.Inode(inode.Number, "its link target reaches past its end");
        }

        var target = new byte[inode.Size];
        int at = 0;
        foreach (ExtentRecord extent in inode.Data.Extents)
        {
            if (at == target.Length || extent.IsUnwritten)
            {
                break;
            }

            int blocks = (int)Math.Min(extent.Count, (MaxLength + HeaderSize) / volume.BlockSize + 2);
            byte[] raw = ReadRun(volume, extent, blocks);
            ReadOnlySpan<byte> content = raw;
            int length = target.Length - at;
            if (volume.Super.IsV5)
            {
                length = Math.Min(length, content.Length - HeaderSize);
                if (!IsValid(volume, inode, raw, at, length))
                {
                    throw XfsErrors.Inode(inode.Number, "a block of its link target has a wrong header or checksum");
                }

                content = content[HeaderSize..];
            }

            content[..Math.Min(length, content.Length)].CopyTo(target.AsSpan(at));
            at += Math.Min(length, content.Length);
        }

        return at == target.Length ? target : throw XfsErrors.Inode(inode.Number, "its link target is not stored in full");
    }

    /// <summary>Stores a target in an inode whose data fork is empty.</summary>
    public static void Write(XfsVolume volume, XfsInode inode, ReadOnlySpan<byte> target)
    {
        inode.Size = target.Length;
        if (target.Length <= inode.Data.Area.Length)
        {
            inode.Data.SetLocal(target);
            return;
        }

        WriteBlocks(volume, inode, target);
    }

    /// <summary>Moves a target that is in the inode to blocks.</summary>
    public static void Spill(XfsVolume volume, XfsInode inode)
    {
        byte[] target = Read(volume, inode);
        volume.Space.Require((target.Length / volume.BlockSize) + 2);
        inode.Data.Clear();
        WriteBlocks(volume, inode, target);
    }

    private static void WriteBlocks(XfsVolume volume, XfsInode inode, ReadOnlySpan<byte> target)
    {
        // Counted as if every block had a header: then any split into runs holds the target.
        int each = volume.BlockSize - (volume.Super.IsV5 ? HeaderSize : 0);
        long blocks = (target.Length + each - 1) / each;
        volume.Space.Require(blocks);
        for (long logical = 0; logical < blocks;)
        {
            logical += inode.Data.Allocate(logical, blocks - logical).Count;
        }

        int at = 0;
        foreach (ExtentRecord extent in inode.Data.Extents)
        {
            at += WriteRun(volume, inode, extent, target, at);
        }
    }

    private static int WriteRun(XfsVolume volume, XfsInode inode, ExtentRecord extent, ReadOnlySpan<byte> target, int at)
    {
        var raw = new byte[(int)extent.Count * volume.BlockSize];
        int header = volume.Super.IsV5 ? HeaderSize : 0;
        int length = Math.Min(target.Length - at, raw.Length - header);
        target.Slice(at, length).CopyTo(raw.AsSpan(header));
        if (header > 0)
        {
            Be.Set32(raw, 0, Magic);
            Be.Set32(raw, 4, (uint)at);
            Be.Set32(raw, 8, (uint)length);
            volume.Super.MetaUuid.CopyTo(raw.AsSpan(16));
            Be.Set64(raw, 32, inode.Number);
            Be.Set64(raw, 40, (ulong)volume.Super.Linear(extent.FsBlock) << (volume.Super.BlockLog - 9));
            XfsChecksum.Stamp(raw, Crc);
        }

        for (uint i = 0; i < extent.Count; i++)
        {
            raw.AsSpan((int)i * volume.BlockSize, volume.BlockSize).CopyTo(volume.Cache.GetNew(volume.Super.Linear(extent.FsBlock) + i).Data);
        }

        return length;
    }

    private static byte[] ReadRun(XfsVolume volume, ExtentRecord extent, int blocks)
    {
        var raw = new byte[blocks * volume.BlockSize];
        for (int i = 0; i < blocks; i++)
        {
            volume.Cache.Get(volume.Super.Linear(extent.FsBlock) + i).Data.CopyTo(raw, i * volume.BlockSize);
        }

        return raw;
    }

    private static bool IsValid(XfsVolume volume, XfsInode inode, byte[] raw, int offset, int length) =>
        Be.U32(raw, 0) == Magic && Be.U32(raw, 4) == (uint)offset && Be.U32(raw, 8) == (uint)length
        && raw.AsSpan(16, 16).SequenceEqual(volume.Super.MetaUuid) && Be.U64(raw, 32) == inode.Number && XfsChecksum.IsValid(raw, Crc);
}
