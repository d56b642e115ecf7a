using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace V2V.Storage;

/// <summary>Positional I/O on host files, with the host's failures turned into <see cref="V2VException"/>.</summary>
internal static partial class HostFile
{
    private const int SeekEnd = 2;
    private const int SeekData = 3;
    private const int SeekHole = 4;

    private const int ErrnoNoSpace = 28;
    private const int ErrnoQuota = 122;
    private const int Win32DiskFull = unchecked((int)0x80070070);
    private const int Win32HandleDiskFull = unchecked((int)0x80070027);
    private const int Win32FileExists = unchecked((int)0x80070050);

    private static bool CanSeek => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    public static SafeFileHandle Open(string path, FileMode mode, bool writable)
    {
        try
        {
            return File.OpenHandle(path, mode, writable ? FileAccess.ReadWrite : FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            if (mode == FileMode.CreateNew && e is IOException && File.Exists(path))
            {
                throw new V2VException("HostFileExists", V2VErrorKind.Exists, "The file exists already.", path, "Use -Force to replace it, or another name.", e);
            }

            throw Failure(e, path);
        }
    }

    public static long GetLength(SafeFileHandle handle, string path)
    {
        try
        {
            long length = RandomAccess.GetLength(handle);

            // A block device has no length that fstat would tell.
            return length == 0 && CanSeek ? Math.Max(0, Seek(handle, 0, SeekEnd)) : length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Failure(e, path);
        }
    }

    public static void SetLength(SafeFileHandle handle, long length, string path)
    {
        try
        {
            RandomAccess.SetLength(handle, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw Failure(e, path);
        }
    }

    public static void ReadExactly(SafeFileHandle handle, long position, Span<byte> buffer, string path)
    {
        while (!buffer.IsEmpty)
        {
            int count;
            try
            {
                count = RandomAccess.Read(handle, buffer, position);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Failure(e, path);
            }

            if (count == 0)
            {
                throw V2VException.Corrupt("HostFileTruncated", FormattableString.Invariant($"The file ended at byte {position} while it was read."), path);
            }

            position += count;
            buffer = buffer[count..];
        }
    }

    public static void Write(SafeFileHandle handle, long position, ReadOnlySpan<byte> buffer, string path)
    {
        try
        {
            RandomAccess.Write(handle, buffer, position);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    public static void Flush(SafeFileHandle handle, string path)
    {
        try
        {
            RandomAccess.FlushToDisk(handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    /// <summary>Data and holes of a region; offsets of the extents are relative to <paramref name="start"/>.</summary>
    public static IEnumerable<BlockExtent> GetExtents(SafeFileHandle handle, long start, long offset, long length)
    {
        long end = offset + length;
        while (offset < end)
        {
            long data = CanSeek ? Seek(handle, start + offset, SeekData) : start + offset;
            if (data < 0)
            {
                // ENXIO: a hole up to the end of the file. Anything else: the host cannot tell.
                bool isHole = Marshal.GetLastPInvokeError() == 6;
                yield return new BlockExtent(offset, end - offset, isHole ? BlockExtentKind.Absent : BlockExtentKind.Data);
                yield break;
            }

            data = Math.Min(data - start, end);
            if (data > offset)
            {
                yield return new BlockExtent(offset, data - offset, BlockExtentKind.Absent);
                offset = data;
                continue;
            }

            long hole = CanSeek ? Seek(handle, start + offset, SeekHole) : -1;
            hole = hole < 0 ? end : Math.Min(hole - start, end);
            if (hole <= offset)
            {
                hole = end;
            }

            yield return new BlockExtent(offset, hole - offset, BlockExtentKind.Data);
            offset = hole;
        }
    }

    public static V2VException Failure(Exception e, string path) => e switch
    {
        V2VException known => known,
        FileNotFoundException or DirectoryNotFoundException =>
            new V2VException("HostFileNotFound", V2VErrorKind.NotFound, "The file does not exist.", path, "Check the path.", e),
        UnauthorizedAccessException =>
            new V2VException("HostFileDenied", V2VErrorKind.HostIo, "The host denies access to the file.", path, "Check the permissions of the file and its folder.", e),
        IOException { HResult: ErrnoNoSpace or ErrnoQuota or Win32DiskFull or Win32HandleDiskFull } =>
            new V2VException("HostDiskFull", V2VErrorKind.NoSpace, "The host's disk is full.", path, "Free some space or choose another folder.", e),
        IOException { HResult: Win32FileExists } =>
            new V2VException("HostFileExists", V2VErrorKind.Exists, "The file exists already.", path, "Use -Force to replace it, or another name.", e),
        _ => new V2VException("HostFileFailed", V2VErrorKind.HostIo, $"The host failed on the file: {e.Message}", path, "Check the host's disk and that no other program has the file open.", e),
    };

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle handle, long offset, int whence);
}
