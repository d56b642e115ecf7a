using V2V.Core.Guest;
using V2V.Core.Inspection.Kernels;

namespace V2V.Core.Inspection.Boot;

/// <summary>What the guest's ESP holds, wherever it is mounted. FAT has no case, so names are compared without it.</summary>
internal static class EfiSystem
{
    private const int MaxVendors = 64;
    private const int MaxImages = 32;

    private static readonly string[] s_mountPoints = ["/boot/efi", "/efi", "/boot"];

    /// <summary>The EFI folders of the guest's tree.</summary>
    internal static IEnumerable<string> Folders(InspectionContext context) =>
        s_mountPoints.Select(m => context.FindIgnoringCase(m + "/EFI")).OfType<string>();

    /// <summary>Files of a name in any vendor's folder of the ESP, the fallback folder last.</summary>
    internal static IEnumerable<string> FindConfigs(InspectionContext context, string name) =>
        from folder in Folders(context)
        from vendor in context.List(folder).Take(256).OrderBy(e => e.Name.Equals("BOOT", StringComparison.OrdinalIgnoreCase) ? 1 : 0)
        let path = context.FindIgnoringCase($"{folder}/{vendor.Name}/{name}")
        where path is not null && context.Tree.FileExists(path)
        select path;

    /// <summary>True if the loader that firmware starts without any boot variable is there (UEFI specification 3.5.1.1).</summary>
    internal static bool HasFallbackLoader(InspectionContext context, string architecture)
    {
        string? suffix = architecture switch
        {
            "x86_64" => "X64",
            "i386" => "IA32",
            "aarch64" => "AA64",
            "arm" => "ARM",
            "riscv64" => "RISCV64",
            "loongarch64" => "LOONGARCH64",
            _ => null,
        };
        return suffix is not null && Folders(context).Any(f => context.FindIgnoringCase($"{f}/BOOT/BOOT{suffix}.EFI") is not null);
    }

    /// <summary>Unified kernel images that the firmware starts itself, without a loader; the newest is taken for the default, since the firmware's variables are not on the disks.</summary>
    internal static BootSetup? FindUnified(InspectionContext context)
    {
        List<(string Version, BootEntry Entry)> images = [.. from folder in Folders(context)
                                                            from vendor in context.List(folder).Take(MaxVendors)
                                                            from path in context.FilesIn(GuestPath.Combine(folder, vendor.Name), "*").Where(p => p.EndsWith(".efi", StringComparison.OrdinalIgnoreCase)).Take(MaxImages)
                                                            let version = UnifiedKernel.ReadVersion(context.Tree, path)
                                                            where version is not null
                                                            orderby vendor.Name.Equals("BOOT", StringComparison.OrdinalIgnoreCase) ? 1 : 0
                                                            select (version, new BootEntry(GuestPath.GetName(path), GuestPath.GetName(path), path, [], ""))];
        if (images.Count == 0)
        {
            return null;
        }

        BootEntry newest = images.MaxBy(i => i.Version, Comparer<string>.Create((a, b) => PackageVersion.Compare(a, b))).Entry;
        return new BootSetup(new BootLoaderInfo("uki", newest.Kernel!, null), new BootMenu([.. images.Select(i => i.Entry)], newest));
    }

    /// <summary>systemd-boot: its loader on the ESP, and entries or unified kernels beside it.</summary>
    internal static BootSetup? FindSystemdBoot(InspectionContext context)
    {
        foreach (string folder in Folders(context))
        {
            string esp = GuestPath.GetParent(folder);
            string? loader = context.FindIgnoringCase(folder + "/systemd");
            if (loader is null || !context.FilesIn(loader, "systemd-boot*").Any())
            {
                continue;
            }

            string config = esp + "/loader/loader.conf";
            List<BootEntry> entries = [.. BlsEntries.Read(context, esp + "/loader/entries")];
            if (esp != "/boot")
            {
                entries.AddRange(BlsEntries.Read(context, "/boot/loader/entries"));
            }

            string? unified = context.FindIgnoringCase(folder + "/Linux");
            entries.AddRange(unified is null ? [] : context.FilesIn(unified, "*.efi").Take(64)
                .Select(p => new BootEntry(GuestPath.GetName(p), GuestPath.GetName(p), p, [], "")));
            string pattern = context.ReadLines(config).Select(l => l.Trim().Split([' ', '\t'], 2, StringSplitOptions.RemoveEmptyEntries))
                .Where(w => w.Length == 2 && w[0] == "default").Select(w => w[1]).LastOrDefault("*");
            BootEntry? chosen = entries.FirstOrDefault(e => GuestPath.Matches(e.Id, pattern) || GuestPath.Matches(e.Id + ".conf", pattern));
            return new BootSetup(new BootLoaderInfo("systemd-boot", config, null), new BootMenu(entries, chosen ?? entries.FirstOrDefault()));
        }

        return null;
    }
}
