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

    private sealed class TurnStream(Stream inner, InitramfsGate gate) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => inner.Length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = gate.Locked(() =>
            {
                inner.Position = Position;
                return inner.Read(buffer, offset, count);
            });
            Position += read;
            return read;
        }

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => Length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

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
