using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace V2V.Core.Export.Targets;

/// <summary>What Linux offers for durability and .NET does not. All of it is best effort; elsewhere it does nothing.</summary>
internal static class LinuxFiles
{
    private const int ReadOnlyCloseOnExec = 0x80000;
    private const uint SyncFileRangeWrite = 2;

    /// <summary>
    /// Asks the host to begin writing what it holds of a file, without waiting for the end: the disk works while the processors
    /// do, and the final flush has little left to do.
    /// </summary>
    public static void StartWriteback(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
        {
            return;
        }

        try
        {
            _ = SyncFileRange(file, 0, 0, SyncFileRangeWrite);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library without it.
        }
    }

    /// <summary>Makes the names in a directory durable; the files themselves are already.</summary>
    public static void FlushDirectory(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        int descriptor = Open(path, ReadOnlyCloseOnExec);
        if (descriptor >= 0)
        {
            _ = Fsync(descriptor);
            _ = Close(descriptor);
        }
    }

    [SupportedOSPlatform("linux")]
    [DllImport("libc", EntryPoint = "sync_file_range")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SyncFileRange(SafeFileHandle file, long offset, long count, uint flags);

    [SupportedOSPlatform("linux")]
    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [SupportedOSPlatform("linux")]
    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fsync(int descriptor);

    [SupportedOSPlatform("linux")]
    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
