using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace V2V.Core.Export.Targets;

/// <summary>Makes new names durable, which .NET cannot: it opens no directories.</summary>
internal static class LinuxDirectory
{
    private const int ReadOnlyCloseOnExec = 0x80000;

    /// <summary>Flushes a directory's entries to disk. Best effort: the files themselves are durable already.</summary>
    public static void Flush(string path)
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
