namespace V2V.FileSystems.Ext;

internal sealed partial class ExtFileStream
{
    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException("The stream is open for reading only.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The stream is open for reading only.");
}
