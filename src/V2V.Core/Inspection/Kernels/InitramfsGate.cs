using V2V.Core.Guest;
using V2V.Core.Inspection.Initramfs;
using V2V.Storage;

namespace V2V.Core.Inspection.Kernels;

/// <summary>Lets several initramfs be read at once: file systems are not thread-safe, so reading takes turns, decompression does not.</summary>
internal sealed class InitramfsGate(GuestTree tree) : IDisposable
{
    private const int ReadLength = 256 << 10;

    private readonly SemaphoreSlim _turn = new(1);

    internal InitramfsContents Read(string path, CancellationToken cancellation)
    {
        try
        {
            using var stream = new TurnStream(Locked(() => tree.OpenRead(path)), this);
            using var buffered = new BufferedStream(stream, ReadLength);
            return InitramfsReader.Read(buffered, cancellation);
        }
        catch (V2VException e)
        {
            return new InitramfsContents { Problem = e.Message };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private T Locked<T>(Func<T> action)
    {
        _turn.Wait();
        try
        {
            return action();
        }
        finally
        {
            _turn.Release();
        }
    }

    private sealed class TurnStream(Stream inner, InitramfsGate gate) : PositionalStream
    {
        public override long Length => inner.Length;

        public override int Read(Span<byte> buffer)
        {
            gate._turn.Wait();
            try
            {
                inner.Position = Position;
                int read = inner.Read(buffer);
                Position += read;
                return read;
            }
            finally
            {
                gate._turn.Release();
            }
        }

        protected override void Dispose(bool disposing)
        {
            gate.Locked(() =>
            {
                inner.Dispose();
                return true;
            });
            base.Dispose(disposing);
        }
    }
}
