using V2V.Core.Guest;
using V2V.Core.Inspection.Windows;
using V2V.FileSystems;

namespace V2V.Core.Inspection.Volumes;

/// <summary>The part that a file system plays in its guest.</summary>
internal enum FileSystemRole
{
    /// <summary>Nothing that is known: data.</summary>
    Other,

    /// <summary>/boot.</summary>
    Boot,

    /// <summary>Root of FreeBSD.</summary>
    FreeBsdRoot,

    /// <summary>Root of NetBSD.</summary>
    NetBsdRoot,

    /// <summary>Root of OpenBSD.</summary>
    OpenBsdRoot,

    /// <summary>Root of GNU/Hurd.</summary>
    HurdRoot,

    /// <summary>Root of Minix.</summary>
    MinixRoot,

    /// <summary>Root of a Linux.</summary>
    LinuxRoot,

    /// <summary>Root of CoreOS Container Linux.</summary>
    CoreOsRoot,

    /// <summary>Physical root of an OSTree system (Fedora CoreOS, Silverblue), whose /etc and /usr lie in deployments.</summary>
    OstreeRoot,

    /// <summary>/usr/local.</summary>
    UsrLocal,

    /// <summary>/usr of a Linux.</summary>
    LinuxUsr,

    /// <summary>/usr of CoreOS Container Linux.</summary>
    CoreOsUsr,

    /// <summary>/var.</summary>
    Var,

    /// <summary>System drive of Windows.</summary>
    WindowsRoot,

    /// <summary>Data drive of Windows.</summary>
    WindowsData,

    /// <summary>System drive of DOS.</summary>
    DosRoot,
}

/// <summary>Classifies a file system by what lies in its top level; the first rule that matches counts.</summary>
internal static class FileSystemClassifier
{
    private static readonly (FileSystemRole Role, Func<GuestTree, bool> Rule)[] s_rules =
    [
        (FileSystemRole.Boot, t => t.FileExists("/grub/menu.lst") || t.FileExists("/grub/grub.conf") || t.FileExists("/grub2/grub.cfg")
            || (t.FileExists("/grub/grub.cfg") && !t.DirectoryExists("/etc"))),
        (FileSystemRole.FreeBsdRoot, t => IsUnix(t) && t.FileExists("/etc/freebsd-update.conf") && t.FileExists("/etc/fstab")),
        (FileSystemRole.NetBsdRoot, t => IsUnix(t) && t.FileExists("/netbsd") && t.FileExists("/etc/fstab") && t.FileExists("/etc/release")),
        (FileSystemRole.OpenBsdRoot, t => IsUnix(t) && t.FileExists("/bsd") && t.FileExists("/etc/fstab") && t.FileExists("/etc/motd")),
        (FileSystemRole.HurdRoot, t => t.FileExists("/hurd/console") && t.FileExists("/hurd/hello") && t.FileExists("/hurd/null")),
        (FileSystemRole.MinixRoot, t => IsUnix(t) && t.FileExists("/service/vm") && t.FileExists("/etc/fstab") && t.FileExists("/etc/version")),
        (FileSystemRole.LinuxRoot, t => t.DirectoryExists("/etc") && HasBin(t) && (t.FileExists("/etc/fstab") || t.FileExists("/etc/hosts"))),
        (FileSystemRole.CoreOsRoot, t => t.DirectoryExists("/etc") && t.DirectoryExists("/root") && t.DirectoryExists("/home")
            && t.DirectoryExists("/usr") && t.FileExists("/etc/coreos/update.conf")),
        (FileSystemRole.OstreeRoot, t => t.DirectoryExists("/ostree/repo") && t.DirectoryExists("/ostree/deploy")),
        (FileSystemRole.UsrLocal, t => t.DirectoryExists("/etc") && t.DirectoryExists("/bin") && t.DirectoryExists("/share")
            && !t.DirectoryExists("/local") && !t.FileExists("/etc/fstab")),
        (FileSystemRole.LinuxUsr, t => t.DirectoryExists("/bin") && t.DirectoryExists("/local") && t.DirectoryExists("/share")
            && t.DirectoryExists("/src") && !t.FileExists("/etc/fstab")),
        (FileSystemRole.CoreOsUsr, t => t.DirectoryExists("/bin") && t.DirectoryExists("/share") && t.DirectoryExists("/local")
            && t.DirectoryExists("/share/coreos")),
        (FileSystemRole.Var, t => t.DirectoryExists("/log") && t.DirectoryExists("/run") && t.DirectoryExists("/spool")),
        (FileSystemRole.WindowsRoot, t => SystemFolder.Find(t) is not null),
        (FileSystemRole.WindowsData, t => t.DirectoryExists("/System Volume Information")),
        (FileSystemRole.DosRoot, t => t.FileExists("/FDOS/FREEDOS.BSS") || t.FileExists("/DOS/COMMAND.COM")),
    ];

    /// <summary>The role of a file system that is mounted alone at <c>/</c> of a tree.</summary>
    internal static FileSystemRole Classify(GuestTree tree) => s_rules.FirstOrDefault(r => r.Rule(tree)).Role;

    private static bool IsUnix(GuestTree tree) => tree.DirectoryExists("/etc") && tree.DirectoryExists("/bin");

    /// <summary>/bin is a directory, or the link of a merged /usr, which leads nowhere while a separate /usr is not mounted.</summary>
    private static bool HasBin(GuestTree tree) => tree.TryGetEntry("/bin", followLinks: false) switch
    {
        { IsDirectory: true } => true,
        { Type: GuestFileType.SymbolicLink } => GuestPath.Normalize(tree.ReadLink("/bin")) == "/usr/bin",
        _ => false,
    };
}
