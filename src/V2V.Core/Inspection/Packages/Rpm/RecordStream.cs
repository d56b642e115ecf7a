using V2V.Storage;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// A record that a database keeps in pieces: what is beside its key, then a chain of pages. Pages are read when they are reached,
/// so that the file lists at the end of a package's header cost nothing if nobody asks for them.
/// </summary>
/// <param name="length">Length of the record in bytes.</param>
/// <param name="next">Gives the next piece, or an empty one at the end of the chain.</param>
internal sealed class RecordStream(long length, Func<ReadOnlyMemory<byte>> next) : ForwardStream
{
    private ReadOnlyMemory<byte> _piece;
    private long _left = length;

    /// <inheritdoc/>
    public override long Length { get; } = length;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_left > 0 && _piece.IsEmpty)
        {
            _piece = next();
        }

        int step = (int)Math.Min(Math.Min(buffer.Length, _piece.Length), _left);
        _piece.Span[..step].CopyTo(buffer);
        _piece = _piece[step..];
        _left -= step;
        return step;
    }
}
