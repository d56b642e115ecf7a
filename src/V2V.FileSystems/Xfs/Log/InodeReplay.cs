namespace V2V.FileSystems.Xfs.Log;

/// <summary>Replays inode items: the core and the forks that were logged, unless the inode on disk is newer.</summary>
internal sealed class InodeReplay(ReplayTarget target, CancelTable cancels)
{
    private const int FlushWrap = 0xFFFF;
    private const int TypeMask = 0xF000;
    private const int RegularFile = 0x8000;
    private const int Directory = 0x4000;

    private readonly XfsSuperblock _super = target.Super;

    public void Replay(LogItem logItem, ulong lsn)
    {
        InodeItem item = InodeItem.Read(logItem);
        if (cancels.Contains(item.Address, item.Sectors))
        {
            return;
        }

        Span<byte> buffer = target.Read(item.Address, item.Sectors);
        if (item.Offset < 0 || item.Offset > buffer.Length - _super.InodeSize)
        {
            throw LogErrors.Corrupt($"inode {item.Number} lies outside its buffer");
        }

        Span<byte> inode = buffer.Slice(item.Offset, _super.InodeSize);
        ReadOnlySpan<byte> core = logItem.Regions[1].Data;
        Check(item, inode, core);
        if (!IsNewer(inode, core, lsn))
        {
            LoggedCore.Write(core, inode, lsn);
            WriteForks(logItem, item, inode);
            Stamp(inode);
            target.Write(item.Address, buffer);
        }

        if ((item.Parts & (InodeParts.DataOwner | InodeParts.AttributeOwner)) != 0 && Be.U16(inode, InodeLayout.Mode) != 0)
        {
            byte[] copy = inode.ToArray();
            var owner = new TreeOwner(target, item.Number);
            if ((item.Parts & InodeParts.DataOwner) != 0)
            {
                owner.Set(DataFork(copy), copy[InodeLayout.Format]);
            }

            if ((item.Parts & InodeParts.AttributeOwner) != 0)
            {
                owner.Set(AttributeFork(copy), copy[InodeLayout.AttributeFormat]);
            }
        }
    }

    private static bool IsOlderWrite(ReadOnlySpan<byte> inode, ReadOnlySpan<byte> core)
    {
        int present = Be.U16(inode, InodeLayout.FlushIterations);
        int logged = LoggedCore.Get16(core, InodeLayout.FlushIterations);
        return logged < present && !(present == FlushWrap && logged < FlushWrap >> 1);
    }

    private void Check(InodeItem item, ReadOnlySpan<byte> inode, ReadOnlySpan<byte> core)
    {
        int size = _super.IsV5 ? InodeLayout.CoreSizeV3 : InodeLayout.NextUnlinked;
        if (core.Length < size || LoggedCore.Get16(core, 0) != InodeLayout.Magic || Be.U16(inode, 0) != InodeLayout.Magic)
        {
            throw LogErrors.Corrupt($"inode {item.Number} has a wrong magic number");
        }

        int version = core[InodeLayout.Version];
        var format = (ForkFormat)core[InodeLayout.Format];
        int type = LoggedCore.Get16(core, InodeLayout.Mode) & TypeMask;
        if ((item.Parts & InodeParts.Core) == 0 || (_super.IsV5 ? version != 3 : version is not (1 or 2))
            || (type == RegularFile && format is not (ForkFormat.Extents or ForkFormat.Tree))
            || (type == Directory && format is not (ForkFormat.Extents or ForkFormat.Tree or ForkFormat.Local))
            || CoreSize + (core[InodeLayout.ForkOffset] * 8) > _super.InodeSize)
        {
            throw LogErrors.Corrupt($"the core of inode {item.Number} contradicts itself");
        }
    }

    private bool IsNewer(ReadOnlySpan<byte> inode, ReadOnlySpan<byte> core, ulong lsn)
    {
        if (!_super.IsV5)
        {
            return IsOlderWrite(inode, core);
        }

        ulong present = inode[InodeLayout.Version] >= 3 ? Be.U64(inode, InodeLayout.Lsn) : 0;
        return present is not (0 or ulong.MaxValue) && present > lsn;
    }

    private int CoreSize => _super.IsV5 ? InodeLayout.CoreSizeV3 : InodeLayout.CoreSizeV2;

    private Span<byte> DataFork(Span<byte> inode)
    {
        int length = inode[InodeLayout.ForkOffset] * 8;
        return inode[CoreSize..(length == 0 ? inode.Length : CoreSize + length)];
    }

    private Span<byte> AttributeFork(Span<byte> inode)
    {
        int length = inode[InodeLayout.ForkOffset] * 8;
        return length == 0 ? default : inode[(CoreSize + length)..];
    }

    private void WriteForks(LogItem logItem, InodeItem item, Span<byte> inode)
    {
        int next = 2;
        if ((item.Parts & InodeParts.Device) != 0)
        {
            Be.Set32(DataFork(inode), 0, item.Device);
        }

        InodeParts data = item.Parts & InodeParts.DataFork;
        if (data != 0 && next < logItem.Regions.Count)
        {
            WriteFork(item, logItem.Regions[next++].Data, DataFork(inode), data == InodeParts.DataRoot);
        }

        InodeParts attributes = item.Parts & InodeParts.AttributeFork;
        if (attributes != 0 && next < logItem.Regions.Count)
        {
            WriteFork(item, logItem.Regions[next].Data, AttributeFork(inode), attributes == InodeParts.AttributeRoot);
        }
    }

    private void WriteFork(InodeItem item, ReadOnlySpan<byte> logged, Span<byte> fork, bool isRoot)
    {
        if (isRoot)
        {
            WriteRoot(item, logged, fork);
        }
        else if (logged.Length > fork.Length)
        {
            throw LogErrors.Corrupt($"a fork of inode {item.Number} does not fit into it");
        }
        else
        {
            logged.CopyTo(fork);
        }
    }

    /// <summary>The root of a block map tree: in the log it has a block's header and is laid out for the length it has there.</summary>
    private void WriteRoot(InodeItem item, ReadOnlySpan<byte> logged, Span<byte> fork)
    {
        int header = _super.IsV5 ? 72 : 24;
        int room = (fork.Length - 4) / 16;
        int most = (logged.Length - header) / 16;
        int count = logged.Length < header ? -1 : Be.U16(logged, 6);
        if (count < 0 || count > most || count > room)
        {
            throw LogErrors.Corrupt($"the root of a block map of inode {item.Number} does not fit into it");
        }

        logged.Slice(4, 4).CopyTo(fork);
        logged.Slice(header, count * 8).CopyTo(fork[4..]);
        logged.Slice(header + (most * 8), count * 8).CopyTo(fork[(4 + (room * 8))..]);
    }

    private void Stamp(Span<byte> inode)
    {
        if (_super.IsV5)
        {
            XfsChecksum.Stamp(inode, InodeLayout.Crc);
        }
    }
}
