using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Core.Sources;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// The new machine's firmware has no boot entry and starts what lies at \EFI\BOOT (UEFI 2.10, 3.5.1.1). Where the distribution left nothing there,
/// its own loader is copied: shim with GRUB and MokManager beside it. Shim's fallback.efi is not: it would write a boot entry and
/// restart the machine, while shim without it starts the GRUB beside it, which looks for its configuration in the vendor's folder or by UUID.
/// </summary>
internal sealed class UefiLoaderStep : ConversionStep
{
    private const string Reason = "The new firmware has no boot entry; it starts the loader in the fallback folder.";

    internal override string Name => "UefiLoader";

    internal override int Order => 700;

    internal override void Apply(ConversionContext context)
    {
        if (context.Capabilities.Firmware != FirmwareType.Uefi)
        {
            return;
        }

        (string Upper, string Lower)? suffix = context.Inspection.Architecture switch
        {
            "x86_64" => ("X64", "x64"),
            "i386" or "i486" or "i586" or "i686" => ("IA32", "ia32"),
            "aarch64" => ("AA64", "aa64"),
            "arm" => ("ARM", "arm"),
            "riscv64" => ("RISCV64", "riscv64"),
            _ => null,
        };
        var files = new InspectionContext(context.Tree, []);
        List<string> folders = [.. EfiSystem.Folders(files)];
        if (suffix is not { } name || folders.Count == 0)
        {
            context.Warn("No EFI system partition with loaders was found; the machine boots only if its firmware has an entry for it.");
            return;
        }

        if (!folders.Any(f => files.FindIgnoringCase($"{f}/BOOT/BOOT{name.Upper}.EFI") is not null))
        {
            Install(context, files, folders, name.Upper, name.Lower);
        }
    }

    private static void Install(ConversionContext context, InspectionContext files, List<string> folders, string upper, string lower)
    {
        var vendors = from folder in folders
                      from entry in files.List(folder)
                      where entry.Type == FileSystems.GuestFileType.Directory && !entry.Name.Equals("BOOT", StringComparison.OrdinalIgnoreCase)
                      orderby IsOwn(entry.Name, context.Inspection.Distro) ? 0 : 1
                      select (Folder: folder, Path: GuestPath.Combine(folder, entry.Name));
        foreach ((string folder, string vendor) in vendors)
        {
            string? First(params string[] names) => names.Select(n => files.FindIgnoringCase($"{vendor}/{n}")).FirstOrDefault(p => p is not null);
            string? shim = First($"shim{lower}.efi", "shim.efi");
            string? grub = First($"grub{lower}.efi", "grub.efi");
            if ((shim ?? grub ?? First($"systemd-boot{lower}.efi")) is not { } loader)
            {
                continue;
            }

            string target = files.FindIgnoringCase(folder + "/BOOT") ?? folder + "/BOOT";
            SpaceStep.RequireSpace(context, loader, Size(context, loader) + Size(context, grub) + (1 << 20));
            context.Editor.Copy(loader, $"{target}/BOOT{upper}.EFI", Reason);
            string?[] companions = shim is null ? [] : [grub, First($"mm{lower}.efi"), First("MokManager.efi")];
            foreach (string companion in companions.Append(First("grub.cfg")).OfType<string>())
            {
                context.Editor.Copy(companion, target + "/" + GuestPath.GetName(companion), "It belongs to the loader.");
            }

            if (First("grub.conf") is { } menu)
            {
                // GRUB 1 for EFI takes its menu from a file called after itself.
                context.Editor.Copy(menu, $"{target}/BOOT{upper}.conf", "It belongs to the loader.");
            }

            return;
        }

        if (context.Inspection.BootLoader is { Type: "uki", ConfigPath: { } image })
        {
            string target = files.FindIgnoringCase(folders[0] + "/BOOT") ?? folders[0] + "/BOOT";
            SpaceStep.RequireSpace(context, image, Size(context, image) + (1 << 20));
            context.Editor.Copy(image, $"{target}/BOOT{upper}.EFI", "The old firmware started this image by a boot entry of its own.");
            context.Warn($"The firmware of the old machine started {image}; the new one starts its copy {target}/BOOT{upper}.EFI. Give it an entry for the image itself (efibootmgr) before the guest's next kernel.");
            return;
        }

        context.Warn("The EFI system partition holds no loader that could be put into the fallback folder; the machine boots only if its firmware has an entry for it.");
    }

    private static long Size(ConversionContext context, string? path) => path is null ? 0 : context.Tree.TryGetEntry(path)?.Length ?? 0;

    private static bool IsOwn(string vendor, string distro) =>
        vendor.Equals(distro, StringComparison.OrdinalIgnoreCase) || distro.StartsWith(vendor, StringComparison.OrdinalIgnoreCase)
        || (distro == "linuxmint" && vendor.Equals("ubuntu", StringComparison.OrdinalIgnoreCase));
}
