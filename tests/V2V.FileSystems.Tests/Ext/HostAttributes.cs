using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Extended attributes of the host's own files (Linux).</summary>
internal static class HostAttributes
{
    public static void Set(string path, string name, byte[] value) =>
        Assert.True(SetNative(path, name, value, value.Length, 0) == 0, $"lsetxattr {path} {name}: error {Marshal.GetLastPInvokeError()}");

    public static byte[]? Get(string path, string name)
    {
        var buffer = new byte[65536];
        long length = GetNative(path, name, buffer, buffer.Length);
        return length < 0 ? null : buffer[..(int)length];
    }

    public static string[] List(string path)
    {
        var buffer = new byte[65536];
        long length = ListNative(path, buffer, buffer.Length);
        Assert.True(length >= 0, $"llistxattr {path}: error {Marshal.GetLastPInvokeError()}");
        return Encoding.UTF8.GetString(buffer, 0, (int)length).Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }

    [DllImport("libc", EntryPoint = "lsetxattr", SetLastError = true)]
    private static extern int SetNative([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, byte[] value, nint size, int flags);

    [DllImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    private static extern nint GetNative([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, byte[] value, nint size);

    [DllImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    private static extern nint ListNative([MarshalAs(UnmanagedType.LPUTF8Str)] string path, byte[] list, nint size);
}
