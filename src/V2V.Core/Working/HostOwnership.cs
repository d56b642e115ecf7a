using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;
using System.Text;

namespace V2V.Core.Working;

/// <summary>Tells whether a file or directory belongs to the user who runs this process.</summary>
internal static class HostOwnership
{
    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const int MaskUser = 0x8;
    private const int OffsetMask = 0;
    private const int OffsetUser = 20;

    /// <summary>True if it is certain that a file or directory belongs to this user and nobody else may write to it.</summary>
    public static bool IsPrivate(string path)
    {
        try
        {
            if (new DirectoryInfo(path).LinkTarget is not null)
            {
                return false;
            }

            if (OperatingSystem.IsWindows())
            {
                return IsOwnOnWindows(path);
            }

            const UnixFileMode Others =
                UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
            return (File.GetUnixFileMode(path) & Others) == 0 && OperatingSystem.IsLinux() && IsOwnOnLinux(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SystemException)
        {
            return false;
        }
    }

    [SupportedOSPlatform("windows")]
    private static bool IsOwnOnWindows(string path)
    {
        using WindowsIdentity identity = WindowsIdentity.GetCurrent();
        FileSystemSecurity security = File.Exists(path)
            ? new FileInfo(path).GetAccessControl(AccessControlSections.Owner)
            : new DirectoryInfo(path).GetAccessControl(AccessControlSections.Owner);
        IdentityReference? owner = security.GetOwner(typeof(SecurityIdentifier));

        // What an administrator creates belongs to the group Administrators, which is then the identity's default owner.
        return owner is not null && (owner.Equals(identity.User) || owner.Equals(identity.Owner));
    }

    /// <summary>statx(2): its structure is the same on every architecture.</summary>
    private static bool IsOwnOnLinux(string path)
    {
        byte[] name = [.. Encoding.UTF8.GetBytes(path), 0];
        byte[] buffer = new byte[256];
        try
        {
            return Statx(CurrentDirectory, name, NoFollow, MaskUser, buffer) == 0
                && (BitConverter.ToUInt32(buffer, OffsetMask) & MaskUser) != 0
                && BitConverter.ToUInt32(buffer, OffsetUser) == GetEffectiveUser();
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "statx", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Statx(int directory, byte[] path, int flags, uint mask, [Out] byte[] buffer);

    [DllImport("libc", EntryPoint = "geteuid", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint GetEffectiveUser();
}
