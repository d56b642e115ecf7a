using V2V.FileSystems.Signatures;

namespace V2V.FileSystems;

/// <summary>A file system that was made whole and is only read: nothing of it is free.</summary>
public abstract class ReadOnlyFileSystem : GuestFileSystem
{
    private readonly VolumeSignature _signature;

    private protected ReadOnlyFileSystem(VolumeSignature signature) => _signature = signature;

    /// <inheritdoc/>
    public sealed override string Label => _signature.Label ?? "";

    /// <inheritdoc/>
    public sealed override string? Uuid => _signature.Uuid;

    /// <inheritdoc/>
    public sealed override long FreeBytes => 0;

    /// <inheritdoc/>
    public sealed override long TotalInodes => 0;

    /// <inheritdoc/>
    public sealed override long FreeInodes => 0;

    /// <inheritdoc/>
    public sealed override bool CanWrite => false;

    /// <inheritdoc/>
    public sealed override IEnumerable<(long Offset, long Length)> GetFreeExtents() => [];
}
