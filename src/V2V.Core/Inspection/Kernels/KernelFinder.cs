using V2V.Core.Guest;
using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Initramfs;
using V2V.Core.Inspection.Packages;

namespace V2V.Core.Inspection.Kernels;

/// <summary>Finds every kernel that the guest could boot, with its initramfs and modules.</summary>
internal static class KernelFinder
{
    private const int MaxKernels = 64;
    private const int MaxMenuEntries = 512;
    private const int MaxConfigBytes = 4 << 20;

    private static readonly string[] s_imagePrefixes = ["vmlinuz-", "vmlinux-", "kernel-", "Image-"];
    private static readonly string[] s_imagePatterns = [.. s_imagePrefixes.Select(p => p + "*")];

    private static readonly string[] s_moduleImages = ["vmlinuz", "Image", "vmlinux"];

    private static readonly string[] s_leftoverSuffixes =
        [".dpkg-old", ".dpkg-new", ".dpkg-tmp", ".dpkg-bak", ".rpmsave", ".rpmnew", ".old", ".bak", ".old-dkms", ".hmac", ".sig", ".pre-v2v", ".orig", "~"];

    /// <summary>Finds the kernels, the default one first, then newest first.</summary>
    internal static List<KernelInfo> Find(
        InspectionContext context, BootSetup boot, IReadOnlyList<ApplicationInfo> packages, CancellationToken cancellation)
    {
        Dictionary<string, BootEntry> menu = ResolveMenu(context, boot);
        List<(string Image, string Version)> images = [.. FindImages(context).Take(MaxKernels)];
        images.AddRange(FindMenuImages(context, menu, images).Take(MaxKernels - images.Count));
        // The package's copy is not what starts where the menu has a unified image of it.
        images.RemoveAll(i => i.Image.Contains("/lib/modules/", StringComparison.Ordinal) && images.Exists(u => IsUnified(u.Image) && u.Version == i.Version));
        Dictionary<string, string> owners = FindOwners(context, packages, images);
        string? defaultImage = boot.Menu.Default?.Kernel is { } path ? BootSetup.FindFile(context.Tree, path) : null;

        var kernels = new List<KernelInfo>();
        foreach ((string image, string name) in images)
        {
            string version = FindVersion(context, image, name);
            string? modulesPath = context.Tree.DirectoryExists("/lib/modules/" + version) ? context.Tree.ResolvePath("/lib/modules/" + version) : null;
            HashSet<string> modules = modulesPath is null ? [] : ModuleDirectory.ReadModules(context, modulesPath);
            HashSet<string> builtIn = modulesPath is null ? [] : ModuleDirectory.ReadBuiltIn(context, modulesPath);
            builtIn.UnionWith(ReadConfig(context, version, modulesPath));
            string? initramfs = IsUnified(image) ? null : FindInitramfs(context, menu, image, name);
            bool Has(string module) => modules.Contains(module) || builtIn.Contains(module);
            kernels.Add(new KernelInfo
            {
                Version = version,
                Package = owners.GetValueOrDefault(image),
                ImagePath = image,
                InitramfsPath = initramfs,
                IsUnified = IsUnified(image),
                EmbeddedCommandLine = IsUnified(image) ? UnifiedKernel.ReadCommandLine(context.Tree, image) : null,
                ModulesPath = modulesPath,
                Modules = modules,
                BuiltIn = builtIn,
                HasVirtioBlk = Has("virtio_blk"),
                HasVirtioScsi = Has("virtio_scsi"),
                HasVirtioNet = Has("virtio_net"),
                IsDefault = defaultImage is not null && context.Tree.ResolvePath(image) == defaultImage,
            });
        }

        kernels = ReadInitramfs(context, kernels, cancellation);
        if (kernels.Count > 0 && !kernels.Exists(k => k.IsDefault))
        {
            // No menu says otherwise: mkconfig puts the newest first, and so do the loaders that make their own menu.
            int newest = kernels.Index().OrderBy(k => k.Item.IsRescue)
                .ThenByDescending(k => k.Item.Version, Comparer<string>.Create((a, b) => PackageVersion.Compare(a, b))).First().Index;
            kernels[newest] = kernels[newest] with { IsDefault = true };
        }

        kernels.Sort((a, b) => a.IsDefault != b.IsDefault ? (a.IsDefault ? -1 : 1) : a.IsRescue != b.IsRescue ? (a.IsRescue ? 1 : -1) : PackageVersion.Compare(b.Version, a.Version));
        return kernels;
    }

    /// <summary>True if a package brings a kernel image.</summary>
    internal static bool IsKernelPackage(string name) =>
        name is "kernel"
        || (name.StartsWith("kernel-", StringComparison.Ordinal) && !name.EndsWith("-devel", StringComparison.Ordinal))
        || name.StartsWith("linux-image-", StringComparison.Ordinal)
        || name.StartsWith("proxmox-kernel-", StringComparison.Ordinal)
        || name.StartsWith("pve-kernel-", StringComparison.Ordinal);

    /// <summary>Images in /boot; where a kernel is in its modules' directory only, that one.</summary>
    private static IEnumerable<(string Image, string Version)> FindImages(InspectionContext context)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string directory in (string[])["/boot", "/"])
        {
            foreach (string pattern in s_imagePatterns)
            {
                foreach (string path in context.FilesIn(directory, pattern))
                {
                    string name = GuestPath.GetName(path);
                    string version = name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..];
                    if (version.Length > 0 && !s_leftoverSuffixes.Any(s => name.EndsWith(s, StringComparison.Ordinal))
                        && context.Tree.ResolvePath(path) is { } real && seen.Add(real))
                    {
                        seen.Add(version);
                        yield return (path, version);
                    }
                }
            }
        }

        foreach (FileSystems.DirectoryEntry version in context.List("/lib/modules").Take(MaxKernels))
        {
            string image = s_moduleImages.Select(n => context.Tree.ResolvePath($"/lib/modules/{version.Name}/{n}")).FirstOrDefault(p => p is not null && context.Tree.FileExists(p)) ?? "";
            string packaged = (context.ReadText($"/lib/modules/{version.Name}/pkgbase", 4096) ?? "").Trim();
            if (image.Length > 0 && !seen.Contains(version.Name) && !seen.Contains(packaged) && seen.Add(image))
            {
                yield return (image, version.Name);
            }
        }
    }

    /// <summary>The menu's entries by the real path of their kernels, those with an initramfs first.</summary>
    private static Dictionary<string, BootEntry> ResolveMenu(InspectionContext context, BootSetup boot)
    {
        var menu = new Dictionary<string, BootEntry>(StringComparer.Ordinal);
        foreach (BootEntry entry in boot.Menu.Entries.Where(e => e.Kernel is not null).OrderByDescending(e => e.Initrds.Count > 0).Take(MaxMenuEntries))
        {
            if (BootSetup.FindFile(context.Tree, entry.Kernel!) is { } real)
            {
                menu.TryAdd(real, entry);
            }
        }

        return menu;
    }

    /// <summary>Kernels that only the menu names, as kernel-install puts them on the ESP: <c>/MACHINE-ID/VERSION/linux</c>.</summary>
    private static IEnumerable<(string Image, string Version)> FindMenuImages(
        InspectionContext context, Dictionary<string, BootEntry> menu, List<(string Image, string Version)> images)
    {
        HashSet<string> known = [.. images.Select(i => context.Tree.ResolvePath(i.Image)).OfType<string>()];
        foreach (string image in menu.Keys.Where(k => !known.Contains(k)))
        {
            string? version = IsUnified(image) ? UnifiedKernel.ReadVersion(context.Tree, image) : image.Split('/').Reverse().Take(2).FirstOrDefault(p => p.Length > 0 && context.Tree.DirectoryExists("/lib/modules/" + p));
            if (version is not null)
            {
                yield return (image, version);
            }
        }
    }

    private static bool IsUnified(string image) => image.EndsWith(".efi", StringComparison.OrdinalIgnoreCase);

    /// <summary>The version that uname -r prints. Arch and Alpine name their images after the package, a rescue image after nothing: the image, or the modules' directory, knows the version.</summary>
    private static string FindVersion(InspectionContext context, string image, string name)
    {
        if (context.Tree.DirectoryExists("/lib/modules/" + name))
        {
            return name;
        }

        if (KernelImage.ReadVersion(context.Tree, image) is { } written)
        {
            return written;
        }

        string[] flavours = [.. context.List("/lib/modules").Take(MaxKernels).Select(v => v.Name).Where(v => v.EndsWith("-" + name, StringComparison.Ordinal))];
        if (flavours.Length == 1)
        {
            return flavours[0];
        }

        foreach (FileSystems.DirectoryEntry version in context.List("/lib/modules").Take(MaxKernels))
        {
            if ((context.ReadText($"/lib/modules/{version.Name}/pkgbase", 4096) ?? "").Trim() == name)
            {
                return version.Name;
            }
        }

        return name;
    }

    private static string? FindInitramfs(InspectionContext context, Dictionary<string, BootEntry> menu, string image, string version)
    {
        if (context.Tree.ResolvePath(image) is { } real && menu.TryGetValue(real, out BootEntry? entry))
        {
            // Microcode may be an initramfs of its own before the main one.
            string? named = entry.Initrds.Select(i => BootSetup.FindFile(context.Tree, i)).LastOrDefault(i => i is not null);
            if (named is not null)
            {
                return named;
            }
        }

        foreach (string exact in (string[])[$"/boot/initrd.img-{version}", $"/boot/initramfs-{version}.img", $"/boot/initrd-{version}", $"/boot/initrd-{version}.img",
            $"/boot/initramfs-{version}", $"/boot/booster-{version}.img", $"/boot/initramfs-genkernel-x86_64-{version}", $"/initrd.img-{version}", $"/lib/modules/{version}/initramfs.img", $"/lib/modules/{version}/initrd"])
        {
            if (context.Tree.FileExists(exact))
            {
                return context.Tree.ResolvePath(exact);
            }
        }

        string? found = context.FilesIn("/boot", "init*")
            .Where(p => GuestPath.GetName(p) is var n && HoldsVersion(n, version) && !n.Contains("kdump", StringComparison.Ordinal)
                && !n.Contains("fallback", StringComparison.Ordinal) && !s_leftoverSuffixes.Any(s => n.EndsWith(s, StringComparison.Ordinal)))
            .OrderBy(p => p.Length).ThenBy(p => p, StringComparer.Ordinal).FirstOrDefault();
        return found is null ? null : context.Tree.ResolvePath(found);
    }

    /// <summary>True if a name holds the version as a whole: <c>6.1.0-1</c> is not in <c>initrd.img-6.1.0-18</c>.</summary>
    private static bool HoldsVersion(string name, string version)
    {
        int at = name.IndexOf(version, StringComparison.Ordinal);
        int end = at + version.Length;
        return at > 0 && name[at - 1] is '-' && (end == name.Length || name[end] is '.' or '-' && !char.IsAsciiDigit(name.ElementAtOrDefault(end + 1)));
    }

    private static Dictionary<string, string> FindOwners(
        InspectionContext context, IReadOnlyList<ApplicationInfo> packages, List<(string Image, string Version)> images)
    {
        // Packages that are named after a version come first; the search ends when every image has its owner.
        IEnumerable<ApplicationInfo> candidates = packages.Where(p => IsKernelPackage(p.Name))
            .OrderByDescending(p => images.Exists(i => p.Name.EndsWith("-" + i.Version, StringComparison.Ordinal)));
        return PackageDatabase.FindOwners(context, [.. candidates], [.. images.Select(i => i.Image)]);
    }

    private static IEnumerable<string> ReadConfig(InspectionContext context, string version, string? modulesPath)
    {
        string? text = context.ReadText("/boot/config-" + version, MaxConfigBytes)
            ?? (modulesPath is null ? null : context.ReadText(modulesPath + "/config", MaxConfigBytes));
        return text is null ? [] : KernelConfig.BuiltIn(GuestText.SplitLines(text));
    }

    private static List<KernelInfo> ReadInitramfs(InspectionContext context, List<KernelInfo> kernels, CancellationToken cancellation)
    {
        string[] paths = [.. kernels.Select(k => k.InitramfsPath).OfType<string>().Distinct(StringComparer.Ordinal)];
        var contents = new InitramfsContents?[paths.Length];
        using var gate = new InitramfsGate(context.Tree);
        Parallel.For(
            0, paths.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation },
            i => contents[i] = gate.Read(paths[i], cancellation));

        var complete = new List<KernelInfo>();
        foreach (KernelInfo kernel in kernels)
        {
            InitramfsContents? found = kernel.InitramfsPath is { } path ? contents[Array.IndexOf(paths, path)]
                : kernel.IsUnified ? UnifiedKernel.ReadInitramfs(context.Tree, kernel.ImagePath, cancellation) : null;
            complete.Add(Complete(context, kernel, found));
        }

        return complete;
    }

    private static KernelInfo Complete(InspectionContext context, KernelInfo kernel, InitramfsContents? contents)
    {
        if (contents?.Problem is { } problem)
        {
            context.Warn($"{kernel.InitramfsPath ?? kernel.ImagePath}: {problem}");
        }

        // Modules of another version cannot be loaded by this kernel.
        string? directory = contents?.Modules.Keys.FirstOrDefault(d => GuestPath.GetName(d) == kernel.Version);
        Dictionary<string, string> modules = directory is null ? [] : contents!.Modules[directory];
        bool Has(string module) => modules.ContainsKey(module) || kernel.BuiltIn.Contains(module);
        return kernel with
        {
            InitramfsCompression = contents?.Compression,
            InitramfsModules = modules.Keys,
            InitramfsModuleFiles = modules,
            InitramfsModulesPath = directory,
            InitramfsIsUsrMerged = contents?.IsLibLink ?? false,
            InitramfsIsFileSystem = contents?.FileSystem is not null,
            InitramfsHasVirtio = Has("virtio_pci") && (Has("virtio_blk") || (Has("virtio_scsi") && Has("sd_mod"))),
        };
    }
}
