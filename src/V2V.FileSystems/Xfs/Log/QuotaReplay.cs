using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>Replays quota items: one record of a quota file each. Kinds of quota that were switched off are left alone.</summary>
internal sealed class QuotaReplay(ReplayTarget target, CancelTable cancels)
{
    private const int RecordSize = 136;
    private const int CoreSize = 104;
    private const int LsnOffset = 112;
    private const int CrcOffset = 108;
    private const int FlagsOffset = 3;
    private const int UserQuota = 1;
    private const int ProjectQuota = 2;
    private const int GroupQuota = 4;
    private const int UserAccounting = 1;
    private const int ProjectAccounting = 8;
    private const int GroupAccounting = 0x40;

    private int _off;

    /// <summary>Notes that kinds of quota were switched off (first pass).</summary>
    public void NoteOff(LogItem item)
    {
        if (item.Format.Length < 8)
        {
            throw LogErrors.Corrupt($"a quota-off item is cut short");
        }

        _off |= KindsOf((int)BinaryPrimitives.ReadUInt32LittleEndian(item.Format[4..]));
    }

    /// <summary>
    /// True if changes of kinds of quota are to be replayed: they were logged, so quota was on. (What the superblock says of it may
    /// itself be in the log still.)
    /// </summary>
    /// <param name="kinds">Bit 0 user, bit 1 project, bit 2 group.</param>
    public bool Counts(int kinds) => (kinds & _off) == 0;

    public void Replay(LogItem item, ulong lsn)
    {
        ReadOnlySpan<byte> format = item.Format;
        if (item.Regions.Count < 2 || format.Length < 24 || item.Regions[1].Length < CoreSize)
        {
            throw LogErrors.Corrupt($"a quota item is cut short");
        }

        ReadOnlySpan<byte> logged = item.Regions[1].Data;
        long address = BinaryPrimitives.ReadInt64LittleEndian(format[8..]);
        int sectors = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(format[16..]), 0, 128) << (target.Super.BlockLog - 9);
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(format[20..]);
        if (!Counts(logged[FlagsOffset] & 7) || cancels.Contains(address, sectors))
        {
            return;
        }

        Span<byte> content = target.Read(address, sectors);
        if (offset > content.Length - RecordSize || Be.U16(logged, 0) != 0x4451)
        {
            throw LogErrors.Corrupt($"a quota item is damaged");
        }

        Span<byte> record = content.Slice((int)offset, RecordSize);
        bool v5 = target.Super.IsV5;
        ulong present = Be.U64(record, LsnOffset);
        if (v5 && present is not (0 or ulong.MaxValue) && present >= lsn && !target.IsOwn(address))
        {
            return;
        }

        logged[..Math.Min(logged.Length, CoreSize)].CopyTo(record);
        if (v5)
        {
            XfsChecksum.Stamp(record, CrcOffset);
        }

        target.Write(address, content);
    }

    private static int KindsOf(int accounting) =>
        ((accounting & UserAccounting) != 0 ? UserQuota : 0) | ((accounting & ProjectAccounting) != 0 ? ProjectQuota : 0)
        | ((accounting & GroupAccounting) != 0 ? GroupQuota : 0);
}
