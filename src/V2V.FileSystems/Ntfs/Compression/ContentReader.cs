namespace V2V.FileSystems.Ntfs;

/// <summary>The bytes of a stream, however they are stored.</summary>
internal abstract class ContentReader
{
    /// <summary>Fills a buffer from a range that lies within the stream.</summary>
    public abstract void Read(long offset, Span<byte> buffer);
}

/// <summary>Content that is stored as it is.</summary>
internal sealed class PlainReader(NtfsVolume volume, NtfsAttribute attribute) : ContentReader
{
    public override void Read(long offset, Span<byte> buffer) => volume.Content.Read(attribute, offset, buffer);
}
