using Microsoft.Win32.SafeHandles;
using V2V.Storage;

namespace V2V.Core.Export.Targets;

/// <summary>A file that an export creates. Failures of the host come out as <see cref="V2VException"/> with the file's final name.</summary>
internal sealed class TargetFile : IDisposable
{
    private const int ErrnoNoSpace = 28;
    private const int ErrnoQuota = 122;
    private const int ErrnoFileTooBig = 27;
    private const int ErrnoWouldBlock = 11;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsFileTooLarge = unchecked((int)0x800700DF);
    private const int WindowsSharingViolation = unchecked((int)0x80070020);

    private readonly string _finalPath;

    private TargetFile(string finalPath, SafeFileHandle handle)
    {
        _finalPath = finalPath;
        Handle = handle;
    }

    /// <summary>The open file.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Creates a file that must not exist, for this process alone.</summary>
    /// <param name="path">Path of the new file.</param>
    /// <param name="finalPath">The name that errors speak of.</param>
    /// <param name="reserveBytes">Space to reserve at once; 0 makes the file sparse where the host wants to be told.</param>
    public static TargetFile Create(string path, string finalPath, long reserveBytes)
    {
        try
        {
            SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.None, reserveBytes);
            if (reserveBytes == 0)
            {
                WindowsVolume.TrySetSparse(handle);
            }

            return new TargetFile(finalPath, handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, finalPath);
        }
    }

    /// <summary>True if another process has the file open for itself.</summary>
    public static bool IsInUse(string path)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException e) when (e.HResult is ErrnoWouldBlock or WindowsSharingViolation)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Sets the length; what is added reads as zero.</summary>
    public void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(Handle, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Failure(e);
        }
    }

    /// <summary>Writes at a position. Thread-safe.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            RandomAccess.Write(Handle, data, offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e);
        }
    }

    /// <summary>Makes the file durable.</summary>
    public void Flush()
    {
        try
        {
            RandomAccess.FlushToDisk(Handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    /// <summary>The error that stands for a failure of the host on this file.</summary>
    public V2VException Failure(Exception e) => Failure(e, _finalPath);

    /// <summary>The error that stands for a failure of the host on a file.</summary>
    public static V2VException Failure(Exception e, string path) => e switch
    {
        IOException { HResult: ErrnoNoSpace or ErrnoQuota or WindowsDiskFull or WindowsHandleDiskFull } =>
            new("ExportTargetNoSpace", V2VErrorKind.NoSpace, "The target's disk is full.", path, "Free some space, or choose another directory.", e),
        IOException { HResult: ErrnoFileTooBig or WindowsFileTooLarge } =>
            new("ExportTargetFileTooLarge", V2VErrorKind.Limit, "The target's file system cannot hold a file of this size.", path, "Choose a directory on another file system (FAT32 stops at 4 GiB), or export to qcow2.", e),
        UnauthorizedAccessException =>
            new("ExportTargetDenied", V2VErrorKind.HostIo, "The host denies writing to the target.", path, "Check the permissions of the directory.", e),
        _ => new("ExportTargetFailed", V2VErrorKind.HostIo, $"The host failed on the target: {e.Message}", path, "Check the target's disk.", e),
    };
}
