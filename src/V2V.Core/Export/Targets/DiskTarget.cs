namespace V2V.Core.Export.Targets;

/// <summary>What a disk is written to. Data that is never written reads as zero.</summary>
internal abstract class DiskTarget : IDisposable
{
    /// <summary>Granularity in bytes, a power of two: offsets are multiples of it, lengths too unless the disk ends there.</summary>
    public abstract int Unit { get; }

    /// <summary>Bytes that the file takes on the host.</summary>
    public abstract long StoredBytes { get; }

    /// <summary>Stores a run of units and leaves out those that are zero. Thread-safe for different units; none is written twice.</summary>
    public abstract void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Nothing below an offset will be written any more; called from one thread at a time.</summary>
    public virtual void CompleteBefore(long offset)
    {
    }

    /// <summary>Writes what belongs to the format beside data; called once, after the last write.</summary>
    public virtual void Complete()
    {
    }

    /// <summary>Has the host begin to write to disk what it was given so far. Thread-safe.</summary>
    public virtual void StartWriteback()
    {
    }

    /// <summary>Makes the file durable.</summary>
    public virtual void Flush()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the file.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
