using V2V.Storage.Images;

namespace V2V.Storage.Vmdk;

/// <summary>
/// A VMware disk, read-only: start here. Its extents (sparse, compressed, flat or zero) lie behind each other; what a sparse one
/// does not store comes from the parent disk.
/// </summary>
public sealed class VmdkImage : BlockDevice
{
    private readonly BlockDevice[] _extents;
    private readonly long[] _starts;
    private readonly BlockDevice? _parent;

    internal VmdkImage(VmdkDescriptor? descriptor, IReadOnlyList<BlockDevice> extents, BlockDevice? parent)
    {
        Descriptor = descriptor;
        _extents = [.. extents];
        _starts = new long[_extents.Length];
        _parent = parent;
        for (int i = 0; i < _extents.Length; i++)
        {
            _starts[i] = Length;
            Length += _extents[i].Length;
        }
    }

    /// <summary>The disk's descriptor; null for an extent that was opened without one.</summary>
    public VmdkDescriptor? Descriptor { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        for (int i = Find(offset); !buffer.IsEmpty; i++)
        {
            long within = offset - _starts[i];
            int step = (int)Math.Min(_extents[i].Length - within, buffer.Length);
            _extents[i].Read(within, buffer[..step]);
            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        for (int i = Find(offset); length > 0; i++)
        {
            long within = offset - _starts[i];
            long step = Math.Min(_extents[i].Length - within, length);
            if (step == 0)
            {
                continue;
            }

            foreach (BlockExtent extent in _extents[i].GetExtents(within, step))
            {
                yield return extent with { Offset = extent.Offset + _starts[i] };
            }

            offset += step;
            length -= step;
        }
    }

    /// <summary>True if a file begins as any form of VMDK does.</summary>
    internal static bool IsVmdk(ReadOnlySpan<byte> start) =>
        SparseHeader.HasMagic(start) || CowdHeader.HasMagic(start) || SeSparseHeader.HasMagic(start) || VmdkDescriptor.IsDescriptor(start);

    internal static VmdkImage Open(BlockDevice file, ImageOpenContext context) => new VmdkOpener(context).Open(file);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (BlockDevice extent in _extents)
            {
                extent.Dispose();
            }

            _parent?.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Find(long offset)
    {
        int index = Array.BinarySearch(_starts, offset);
        return index >= 0 ? index : ~index - 1;
    }
}
