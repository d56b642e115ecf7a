namespace V2V.FileSystems.Xfs.Log;

/// <summary>Replays buffer items: the changed chunks go into the buffer, unless that is newer already, and its checksum is made right.</summary>
internal sealed class BufferReplay(ReplayTarget target, CancelTable cancels, QuotaReplay quota)
{
    private readonly XfsSuperblock _super = target.Super;

    public void Replay(LogItem item, ulong lsn)
    {
        var buffer = new BufferItem(item);
        if (buffer.IsCancel)
        {
            cancels.Remove(buffer.Address, buffer.Length);
            return;
        }

        if (cancels.Contains(buffer.Address, buffer.Length) || (buffer.Quota != 0 && !quota.Counts(buffer.Quota)))
        {
            return;
        }

        Span<byte> content = target.Read(buffer.Address, buffer.Length);
        if (LsnOf(content) is ulong present && present != 0 && present >= lsn && !target.IsOwn(buffer.Address))
        {
            return;
        }

        if (buffer.IsInodes)
        {
            ReplayUnlinked(item, buffer, content);
        }
        else
        {
            Apply(item, buffer, content);
            if (_super.IsV5)
            {
                Stamp(buffer, content, lsn);
            }
        }

        target.Write(buffer.Address, content);
    }

    private static void Apply(LogItem item, BufferItem buffer, Span<byte> content)
    {
        int chunk = 0;
        for (int index = 1; index <= item.Regions.Count; index++)
        {
            // A run of chunks across memory pages of the kernel is logged in several regions.
            ReadOnlySpan<byte> data = index < item.Regions.Count ? item.Regions[index].Data : default;
            int count = buffer.NextRun(ref chunk, out int first, Math.Max(1, data.Length / BufferItem.ChunkSize));
            if (count == 0)
            {
                return;
            }

            int start = first * BufferItem.ChunkSize;
            int length = count * BufferItem.ChunkSize;
            if (data.Length < length || start + length > content.Length)
            {
                throw LogErrors.Corrupt($"a change of the buffer at sector {buffer.Address} lies outside it");
            }

            data[..length].CopyTo(content[start..]);
        }
    }

    /// <summary>Takes over the next_unlinked fields only: everything else of inodes is logged by inode items.</summary>
    private void ReplayUnlinked(LogItem item, BufferItem buffer, Span<byte> content)
    {
        int chunk = 0;
        for (int index = 1; index <= item.Regions.Count; index++)
        {
            ReadOnlySpan<byte> data = index < item.Regions.Count ? item.Regions[index].Data : default;
            int count = buffer.NextRun(ref chunk, out int first, Math.Max(1, data.Length / BufferItem.ChunkSize));
            if (count == 0)
            {
                return;
            }

            int start = first * BufferItem.ChunkSize;
            int end = start + (count * BufferItem.ChunkSize);
            if (data.Length < end - start || end > content.Length)
            {
                throw LogErrors.Corrupt($"a change of the inodes at sector {buffer.Address} lies outside them");
            }

            for (int inode = start >> _super.InodeLog; inode << _super.InodeLog < end; inode++)
            {
                int field = (inode << _super.InodeLog) + InodeLayout.NextUnlinked;
                if (field >= start && field + 4 <= end)
                {
                    SetUnlinked(content.Slice(inode << _super.InodeLog, _super.InodeSize), Be.U32(data, field - start));
                }
            }
        }
    }

    private void SetUnlinked(Span<byte> inode, uint next)
    {
        if (next == 0)
        {
            throw LogErrors.Corrupt($"an unlinked inode is followed by inode 0");
        }

        Be.Set32(inode, InodeLayout.NextUnlinked, next);
        if (_super.IsV5)
        {
            XfsChecksum.Stamp(inode, InodeLayout.Crc);
        }
    }

    /// <summary>The log sequence number of what a buffer holds, or null if it is none of this file system's blocks that have one.</summary>
    private ulong? LsnOf(ReadOnlySpan<byte> content)
    {
        if (!_super.IsV5 || BufferLayout.Of(content) is not { Lsn: >= 0 } layout)
        {
            return null;
        }

        int uuid = layout.Type == BufferType.Superblock && _super.Has(XfsIncompat.MetaUuid) ? 248 : layout.Uuid;
        if (!content.Slice(uuid, 16).SequenceEqual(_super.MetaUuid))
        {
            return null;
        }

        ulong lsn = Be.U64(content, layout.Lsn);
        return lsn == ulong.MaxValue ? null : lsn;
    }

    /// <summary>What the kernel does when it writes a buffer of a kind: the log sequence number and the checksum.</summary>
    private void Stamp(BufferItem buffer, Span<byte> content, ulong lsn)
    {
        if (BufferLayout.Of(content) is not BufferLayout layout || layout.Type != buffer.Type)
        {
            return;
        }

        if (layout.Type == BufferType.AttributeRemote)
        {
            for (int at = 0; at + _super.BlockSize <= content.Length; at += _super.BlockSize)
            {
                XfsChecksum.Stamp(content.Slice(at, _super.BlockSize), layout.Crc);
            }

            return;
        }

        Be.Set64(content, layout.Lsn, lsn);
        XfsChecksum.Stamp(content, layout.Crc);
    }
}
