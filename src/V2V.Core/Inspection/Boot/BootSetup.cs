using V2V.Core.Guest;
using V2V.Core.Sources;

namespace V2V.Core.Inspection.Boot;

/// <summary>How the guest boots: the loader, and its menu as far as it could be read.</summary>
/// <param name="Loader">The loader, or null if none was found.</param>
/// <param name="Menu">Its menu; empty for a loader whose configuration V2V does not read.</param>
internal sealed record BootSetup(BootLoaderInfo? Loader, BootMenu Menu)
{
    /// <summary>The file in the guest's tree that a path in a loader's configuration means, or null.</summary>
    internal static string? FindFile(GuestTree tree, string path)
    {
        // The loader's paths begin at the root of the file system that it reads, which may be mounted at /boot or be the ESP.
        int close = path.StartsWith('(') ? path.IndexOf(')', StringComparison.Ordinal) : -1;
        string inner = GuestPath.Normalize(path[(close + 1)..].Replace('\\', '/'));
        foreach (string directory in (string[])["", "/boot", "/boot/efi", "/efi", "/boot/extlinux", "/boot/syslinux"])
        {
            if (tree.FileExists(directory + inner))
            {
                return tree.ResolvePath(directory + inner);
            }
        }

        // GRUB sees a Btrfs from its top level: the path of the subvolume stands in front (/@/boot/vmlinuz).
        foreach (GuestMount mount in tree.Mounts)
        {
            if (mount.FileSystem is V2V.FileSystems.Btrfs.BtrfsFileSystem { SubvolumePath: { Length: > 1 } subvolume } && GuestPath.IsBelow(inner, subvolume))
            {
                string found = mount.ToTreePath(inner[subvolume.Length..]);
                if (tree.FileExists(found))
                {
                    return tree.ResolvePath(found);
                }
            }
        }

        return null;
    }

    /// <summary>Finds the loader that the firmware starts.</summary>
    internal static BootSetup Find(InspectionContext context, FirmwareType firmware, string architecture, BootCode bootCode)
    {
        bool isUefi = firmware == FirmwareType.Uefi;
        bool? hasFallback = isUefi ? EfiSystem.HasFallbackLoader(context, architecture) : null;
        IEnumerable<Func<BootSetup?>> finders =
        [
            .. isUefi ? (Func<BootSetup?>[])[() => EfiSystem.FindSystemdBoot(context), () => GrubLoader.FindGrub2(context, true)] : [],
            .. bootCode == BootCode.Syslinux ? (Func<BootSetup?>[])[() => FindExtlinux(context)] : [],
            .. bootCode == BootCode.Lilo ? (Func<BootSetup?>[])[() => Named(context, "lilo", "/etc/lilo.conf")] : [],
            () => GrubLoader.FindGrub2(context, isUefi),
            () => GrubLoader.FindGrub1(context),
            () => FindExtlinux(context),
            () => Named(context, "lilo", "/etc/lilo.conf"),
            () => Named(context, "zipl", "/etc/zipl.conf"),
            () => Named(context, "refind", "/boot/efi/EFI/refind/refind.conf"),
            .. isUefi ? (Func<BootSetup?>[])[() => EfiSystem.FindUnified(context)] : [],
        ];
        BootSetup setup = finders.Select(f => f()).FirstOrDefault(s => s is not null) ?? new BootSetup(null, BootMenu.Empty);
        return setup with { Loader = setup.Loader is null ? null : setup.Loader with { HasFallbackLoader = hasFallback } };
    }

    private static BootSetup? FindExtlinux(InspectionContext context)
    {
        foreach (string path in (string[])["/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/extlinux.conf",
            "/boot/syslinux/syslinux.cfg", "/boot/efi/EFI/syslinux/syslinux.cfg"])
        {
            if (context.Tree.FileExists(path))
            {
                string type = path.Contains("extlinux", StringComparison.Ordinal) ? "extlinux" : "syslinux";
                return new BootSetup(new BootLoaderInfo(type, context.Tree.ResolvePath(path)!, null), ExtlinuxConfig.Parse(context.ReadLines(path)));
            }
        }

        return null;
    }

    private static BootSetup? Named(InspectionContext context, string type, string path) =>
        context.Tree.FileExists(path) ? new BootSetup(new BootLoaderInfo(type, path, null), BootMenu.Empty) : null;
}
