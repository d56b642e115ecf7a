using V2V.Core.Guest;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// A database file of the guest, read at positions. What is read in all is bounded by the file's own size, so that a file whose
/// pages refer to each other in circles ends with an error.
/// </summary>
internal sealed class DatabaseFile : IDisposable
{
    private readonly Stream _stream;
    private long _budget;

    internal DatabaseFile(GuestTree tree, string path)
    {
        Path = path;
        _stream = tree.OpenRead(path);
        Length = _stream.Length;
        _budget = (4 * Length) + (1 << 20);
    }

    internal string Path { get; }

    /// <summary>Length in bytes.</summary>
    internal long Length { get; }

    /// <summary>Fills a buffer from a position; an error if the file ends before.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset > Length - buffer.Length)
        {
            throw RpmErrors.Invalid(Path, FormattableString.Invariant($"byte {offset} is beyond its end"));
        }

        _budget -= buffer.Length;
        if (_budget < 0)
        {
            throw RpmErrors.TooLarge(Path, "its records claim more than it holds");
        }

        _stream.Position = offset;
        _stream.ReadExactly(buffer);
    }

    public void Dispose() => _stream.Dispose();
}
