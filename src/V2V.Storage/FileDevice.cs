using Microsoft.Win32.SafeHandles;

namespace V2V.Storage;

/// <summary>
/// A host file, or a region of one (a disk inside a tar), as a device. Reads and writes are positional, so any number of
/// threads may use one instance. Holes of the host's file system are reported as <see cref="BlockExtentKind.Absent"/> where
/// the host can tell them (Linux); elsewhere everything is data.
/// </summary>
public sealed class FileDevice : BlockDevice
{
    private readonly SafeFileHandle _handle;
    private readonly long _start;
    private readonly bool _growing;
    private long _length;

    private FileDevice(string path, SafeFileHandle handle, bool writable, bool growing, long start, long length, int sectorSize)
    {
        Path = path;
        _handle = handle;
        CanWrite = writable;
        _growing = growing;
        _start = start;
        _length = length;
        SectorSize = sectorSize;
    }

    /// <summary>Absolute path of the host's file.</summary>
    public string Path { get; }

    /// <summary>First byte of the device in the host's file.</summary>
    public long Start => _start;

    /// <inheritdoc/>
    public override long Length => Volatile.Read(ref _length);

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>Opens a host file or a region of it. Other processes may read the file meanwhile.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="writable">True to write; the length stays what it is.</param>
    /// <param name="offset">First byte of the region.</param>
    /// <param name="length">Length of the region in bytes; null for everything up to the end of the file.</param>
    /// <param name="sectorSize">Logical sector size, 512 or 4096.</param>
    /// <exception cref="V2VException"><c>HostFileNotFound</c>, <c>HostFileDenied</c>, <c>HostFileFailed</c>, <c>BlockRangeOutside</c>.</exception>
    public static FileDevice Open(string path, bool writable = false, long offset = 0, long? length = null, int sectorSize = 512)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        SafeFileHandle handle = OpenHandle(fullPath, FileMode.Open, writable);
        try
        {
            long fileLength = HostFile.GetLength(handle, fullPath);
            long regionLength = length ?? fileLength - offset;
            if (offset < 0 || regionLength < 0 || offset > fileLength - regionLength)
            {
                throw V2VException.Corrupt(
                    "BlockRangeOutside",
                    FormattableString.Invariant($"A region of {regionLength} bytes at offset {offset} lies outside a file of {fileLength} bytes."),
                    fullPath);
            }

            return new FileDevice(fullPath, handle, writable, growing: false, offset, regionLength, sectorSize);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Creates a file of the given length, all holes. The file must not exist unless <paramref name="overwrite"/> is given.</summary>
    /// <exception cref="V2VException"><c>HostFileExists</c>, <c>HostFileDenied</c>, <c>HostFileFailed</c>, <c>HostDiskFull</c>.</exception>
    public static FileDevice Create(string path, long length, bool overwrite = false, int sectorSize = 512)
    {
        FileDevice device = CreateGrowing(path, overwrite, growing: false, sectorSize);
        try
        {
            HostFile.SetLength(device._handle, length, device.Path);
            device._length = length;
            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Creates an empty file that grows with writes past its end: the container of an image.</summary>
    internal static FileDevice CreateGrowing(string path, bool overwrite) => CreateGrowing(path, overwrite, growing: true, 512);

    /// <summary>Opens a file that grows with writes past its end.</summary>
    internal static FileDevice OpenGrowing(string path)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        SafeFileHandle handle = OpenHandle(fullPath, FileMode.Open, writable: true);
        try
        {
            return new FileDevice(fullPath, handle, writable: true, growing: true, 0, HostFile.GetLength(handle, fullPath), 512);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        HostFile.ReadExactly(_handle, _start + offset, buffer, Path);
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        if (!_growing || offset < 0)
        {
            CheckRange(offset, buffer.Length);
        }

        HostFile.Write(_handle, _start + offset, buffer, Path);
        if (_growing)
        {
            RaiseLength(offset + buffer.Length);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (CanWrite)
        {
            HostFile.Flush(_handle, Path);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return HostFile.GetExtents(_handle, _start, offset, length);
    }

    /// <summary>Makes the file at least so long; what is added reads as zero.</summary>
    internal void Grow(long length)
    {
        if (length > Length)
        {
            HostFile.SetLength(_handle, length, Path);
            RaiseLength(length);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _handle.Dispose();
        }

        base.Dispose(disposing);
    }

    private static FileDevice CreateGrowing(string path, bool overwrite, bool growing, int sectorSize)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        SafeFileHandle handle = OpenHandle(fullPath, overwrite ? FileMode.Create : FileMode.CreateNew, writable: true);
        return new FileDevice(fullPath, handle, writable: true, growing, 0, 0, sectorSize);
    }

    private static SafeFileHandle OpenHandle(string path, FileMode mode, bool writable) => HostFile.Open(path, mode, writable);

    private void RaiseLength(long end)
    {
        long seen = Volatile.Read(ref _length);
        while (end > seen)
        {
            long previous = Interlocked.CompareExchange(ref _length, end, seen);
            if (previous == seen)
            {
                return;
            }

            seen = previous;
        }
    }
}
