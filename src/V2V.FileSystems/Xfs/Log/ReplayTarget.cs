using V2V.Storage;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// The volume that is replayed into, and which of its buffers were written for the log sequence number at hand. Several transactions
/// can have the same number; what one of them wrote is not newer than the next.
/// </summary>
internal sealed class ReplayTarget(BlockDevice device, XfsSuperblock super)
{
    private const int SectorSize = 512;

    /// <summary>The largest metadata buffer in bytes.</summary>
    private const int MaximumLength = 1 << 16;

    private readonly HashSet<long> _written = [];
    private readonly byte[] _buffer = new byte[MaximumLength];
    private ulong _lsn;

    public XfsSuperblock Super { get; } = super;

    public BlockDevice Device { get; } = device;

    /// <summary>Buffers and inodes that were written.</summary>
    public long Writes { get; private set; }

    /// <summary>Says which transaction is replayed.</summary>
    public void Begin(ulong lsn)
    {
        if (lsn != _lsn)
        {
            _written.Clear();
            _lsn = lsn;
        }
    }

    /// <summary>Reads a buffer. It is the only one until the next is read.</summary>
    /// <param name="address">First sector of 512 bytes.</param>
    /// <param name="sectors">Number of sectors.</param>
    public Span<byte> Read(long address, long sectors)
    {
        if (address < 0 || sectors <= 0 || sectors * SectorSize > MaximumLength || address > (Device.Length / SectorSize) - sectors)
        {
            throw LogErrors.Corrupt($"a buffer of {sectors} sectors at sector {address} lies outside the volume");
        }

        Span<byte> buffer = _buffer.AsSpan(0, (int)sectors * SectorSize);
        Device.Read(address * SectorSize, buffer);
        return buffer;
    }

    public void Write(long address, ReadOnlySpan<byte> buffer)
    {
        Device.Write(address * SectorSize, buffer);
        _written.Add(address);
        Writes++;
    }

    /// <summary>True if this very log sequence number has already changed the buffer.</summary>
    public bool IsOwn(long address) => _written.Contains(address);
}
