using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace V2V.Core.Export.Targets;

/// <summary>What only Windows has to be told or asked.</summary>
internal static class WindowsVolume
{
    private const uint FsctlSetSparse = 0x000900C4;

    /// <summary>Marks a file as sparse, so that what is skipped takes no space. A file system that cannot (FAT) stores zeroes instead.</summary>
    public static void TrySetSparse(SafeFileHandle handle)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = DeviceIoControl(handle, FsctlSetSparse, 0, 0, 0, 0, out _, 0);
        }
    }

    /// <summary>Bytes free for this user in a directory, or null if the host does not tell.</summary>
    public static long? GetFreeBytes(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            string withSeparator = Path.EndsInDirectorySeparator(directory) ? directory : directory + Path.DirectorySeparatorChar;
            return GetDiskFreeSpaceEx(withSeparator, out ulong available, 0, 0) ? (long)Math.Min(available, long.MaxValue) : null;
        }

        return null;
    }

    [SupportedOSPlatform("windows")]
    [DllImport("kernel32.dll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool DeviceIoControl(
        SafeFileHandle device, uint code, nint input, uint inputSize, nint output, uint outputSize, out uint returned, nint overlapped);

    [SupportedOSPlatform("windows")]
    [DllImport("kernel32.dll", EntryPoint = "GetDiskFreeSpaceExW", CharSet = CharSet.Unicode, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetDiskFreeSpaceEx(string directory, out ulong available, nint total, nint free);
}
