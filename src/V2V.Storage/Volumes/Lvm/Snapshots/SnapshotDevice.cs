using System.Buffers.Binary;
using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Lvm.Snapshots;

/// <summary>
/// A snapshot of the old kind: its origin, but for the chunks that the copy-on-write store holds (dm-snap-persistent.c: a header in chunk 0, then by
/// turns one chunk of exceptions and the chunks that it lists). Read only.
/// </summary>
internal sealed class SnapshotDevice : MappedDevice
{
    private const uint Magic = 0x70416E53;
    private const int EntrySize = 16;

    private readonly BlockDevice _origin;
    private readonly BlockDevice _store;
    private readonly long _chunk;
    private readonly Dictionary<long, long> _exceptions;

    /// <summary>Reads the exceptions.</summary>
    /// <exception cref="V2VException"><c>LvmSnapshotInvalid</c> if the store overflowed or is damaged.</exception>
    internal SnapshotDevice(BlockDevice origin, BlockDevice store, string target)
    {
        (_origin, _store) = (origin, store);
        Span<byte> header = stackalloc byte[16];
        store.Read(0, header);
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(header), valid = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        _chunk = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]) * 512L;
        if (magic != Magic || valid != 1 || version != 1 || _chunk is < 4096 or > 1 << 20 || (_chunk & (_chunk - 1)) != 0)
        {
            throw Invalid(target);
        }

        _exceptions = ReadExceptions(target);
    }

    /// <inheritdoc/>
    public override long Length => _origin.Length;

    /// <inheritdoc/>
    public override int SectorSize => _origin.SectorSize;

    /// <inheritdoc/>
    protected override DeviceRun Locate(long offset)
    {
        (long chunk, long within) = Math.DivRem(offset, _chunk);
        if (_exceptions.TryGetValue(chunk, out long copy))
        {
            return new DeviceRun(_store, (copy * _chunk) + within, _chunk - within);
        }

        long end = chunk + 1;
        while (end * _chunk < Length && end - chunk < 64 && !_exceptions.ContainsKey(end))
        {
            end++;
        }

        return new DeviceRun(_origin, offset, Math.Min(end * _chunk, Length) - offset);
    }

    private Dictionary<long, long> ReadExceptions(string target)
    {
        var exceptions = new Dictionary<long, long>();
        var area = new byte[_chunk];
        long perArea = _chunk / EntrySize, chunks = _store.Length / _chunk;
        for (long at = 1; at < chunks; at += perArea + 1)
        {
            _store.Read(at * _chunk, area);
            for (int i = 0; i < perArea; i++)
            {
                ulong old = BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(i * EntrySize)), copy = BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan((i * EntrySize) + 8));
                if (copy == 0)
                {
                    return exceptions;
                }

                if (copy >= (ulong)chunks || old >= (ulong)((_origin.Length + _chunk - 1) / _chunk))
                {
                    throw Invalid(target);
                }

                exceptions[(long)old] = (long)copy;
            }
        }

        return exceptions;
    }

    private static V2VException Invalid(string target) => new(
        "LvmSnapshotInvalid", V2VErrorKind.InvalidState, $"The snapshot {target} is no longer valid: its store overflowed or is damaged.", target, "Remove the snapshot in the guest (lvremove) and export it again.");
}
