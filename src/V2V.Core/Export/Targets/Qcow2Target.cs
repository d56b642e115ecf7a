using V2V.Storage.Qcow2;

namespace V2V.Core.Export.Targets;

/// <summary>A new qcow2 image.</summary>
internal sealed class Qcow2Target : DiskTarget
{
    private readonly TargetFile _file;
    private readonly Qcow2StreamWriter _writer;

    /// <param name="file">An empty file; disposed with the target.</param>
    /// <param name="virtualSize">Size of the disk in bytes.</param>
    /// <param name="layout">How clusters are stored.</param>
    public Qcow2Target(TargetFile file, long virtualSize, Qcow2StreamLayout layout)
    {
        _file = file;
        _writer = new Qcow2StreamWriter(file.Handle, virtualSize, layout);
    }

    /// <inheritdoc/>
    public override int Unit => Qcow2StreamWriter.ClusterSize;

    /// <inheritdoc/>
    public override long StoredBytes => _writer.FileLength;

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            _writer.Write(offset, data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw _file.Failure(e);
        }
    }

    /// <inheritdoc/>
    public override void CompleteBefore(long offset)
    {
        try
        {
            _writer.CompleteBefore(offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw _file.Failure(e);
        }
    }

    /// <inheritdoc/>
    public override void Complete()
    {
        try
        {
            _writer.Complete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw _file.Failure(e);
        }

        // Preallocation reserves for the worst case.
        _file.SetLength(_writer.FileLength);
    }

    /// <inheritdoc/>
    public override void StartWriteback() => LinuxFiles.StartWriteback(_file.Handle);

    /// <inheritdoc/>
    public override void Flush() => _file.Flush();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _writer.Dispose();
            _file.Dispose();
        }

        base.Dispose(disposing);
    }
}
