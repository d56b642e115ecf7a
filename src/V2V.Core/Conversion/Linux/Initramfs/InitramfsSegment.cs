using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// The archive that gives an initramfs what it lacks: virtio modules with their dependencies, index files for the union of its modules and
/// these, and files that replace embedded settings. Paths are those that the initramfs itself uses.
/// </summary>
internal static class InitramfsSegment
{
    /// <summary>What a guest needs to find its root on virtio-blk or virtio-scsi. Those that depend on others bring them along.</summary>
    internal static readonly string[] DiskModules =
        ["virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_blk", "virtio_scsi", "scsi_mod", "sd_mod"];

    /// <summary>What a guest needs to have its network while the initramfs runs.</summary>
    internal static readonly string[] NetModules = ["virtio_net", "net_failover", "failover"];

    /// <summary>Modules that the kernel has but its initramfs does not: names of what to add, dependencies included.</summary>
    internal static List<string> FindMissing(KernelInfo kernel, ModuleDependencies modules)
    {
        HashSet<string> wanted = modules.Closure(DiskModules.Concat(NetModules));
        wanted.ExceptWith(kernel.InitramfsModules);
        wanted.ExceptWith(kernel.BuiltIn);
        return [.. modules.Lines.Select(l => l.Name).Where(wanted.Contains).Distinct()];
    }

    /// <summary>Builds the archive.</summary>
    /// <param name="tree">The guest.</param>
    /// <param name="kernel">The kernel, which has an initramfs and a modules' directory.</param>
    /// <param name="modules">Its modules.</param>
    /// <param name="missing">Names of the modules to add; empty adds none and leaves the index files alone.</param>
    /// <param name="files">Further files: path without leading slash, and content.</param>
    /// <param name="lists">Lists of modules inside the initramfs that must name them; null if there are none.</param>
    /// <param name="warn">Called with a warning.</param>
    /// <param name="cancellation">Ends the work early.</param>
    internal static ReadOnlyMemory<byte> Build(
        GuestTree tree, KernelInfo kernel, ModuleDependencies? modules, IReadOnlyList<string> missing, IReadOnlyDictionary<string, byte[]> files, ListedModules? lists,
        Action<string> warn, CancellationToken cancellation)
    {
        var archive = new CpioWriter();
        archive.Assume("conf/conf.d");
        archive.Assume("etc");
        if (missing.Count > 0)
        {
            bool isListed;
            if (lists is { IsFlat: true })
            {
                isListed = lists.AddFlat(archive, tree, kernel, modules!, missing);
            }
            else
            {
                AddModules(archive, tree, kernel, modules!, missing, cancellation);
                isListed = lists?.AddLists(archive, missing) ?? true;
            }

            if (!isListed)
            {
                warn($"The initramfs {kernel.InitramfsPath} loads its drivers by a list that V2V does not know; start another kernel if it does not find its root.");
            }
        }

        foreach ((string path, byte[] content) in files)
        {
            archive.AddFile(path, content);
        }

        return archive.Finish();
    }

    private static void AddModules(
        CpioWriter archive, GuestTree tree, KernelInfo kernel, ModuleDependencies modules, IReadOnlyList<string> missing, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, string> files = kernel.InitramfsModuleFiles
            ?? (NeedsListing(kernel, modules) ? ReadListing(tree, kernel, cancellation).ModulePaths : new Dictionary<string, string>());
        string directory = kernel.InitramfsModulesPath ?? (kernel.InitramfsIsUsrMerged ? "usr/lib/modules/" : "lib/modules/") + kernel.Version;
        archive.Assume(kernel.InitramfsModulesPath ?? (kernel.InitramfsIsUsrMerged ? "usr/lib" : "lib"));

        // A form that the initramfs holds already is one that its tools can load; a plain module always is.
        HashSet<string> forms = [.. files.Values.Select(p => ModuleFile.Compression(p) ?? "")];
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string name in kernel.InitramfsModules)
        {
            if (modules.Find(name) is { } line)
            {
                paths[name] = files.GetValueOrDefault(name) ?? line.Path;
            }
        }

        foreach (string name in missing)
        {
            cancellation.ThrowIfCancellationRequested();
            ModuleLine line = modules.Find(name)!;
            bool keepsForm = ModuleFile.Compression(line.Path) is not { } compression || forms.Contains(compression);
            paths[name] = keepsForm ? line.Path : ModuleFile.PlainPath(line.Path);
            CheckRelative(line.Path, modules.Directory);
            archive.AddFile(directory + "/" + paths[name], ModuleFile.Read(tree, modules.Directory + "/" + line.Path, decompress: !keepsForm));
        }

        foreach ((string name, byte[] content) in ModuleIndexFiles.Build(tree, modules, paths))
        {
            archive.AddFile(directory + "/" + name, content);
        }

        if (kernel.InitramfsModules.Count == 0)
        {
            AddBuiltInIndex(archive, tree, modules.Directory, directory);
        }
    }

    /// <summary>An initramfs without modules may have no index of what is compiled in either.</summary>
    private static void AddBuiltInIndex(CpioWriter archive, GuestTree tree, string from, string directory)
    {
        foreach (string name in (string[])["modules.builtin", "modules.builtin.bin", "modules.builtin.alias.bin", "modules.builtin.modinfo", "modules.order"])
        {
            if (tree.FileExists(from + "/" + name))
            {
                archive.AddFile(directory + "/" + name, tree.ReadAllBytes(from + "/" + name, 16 << 20));
            }
        }
    }

    private static bool NeedsListing(KernelInfo kernel, ModuleDependencies modules) =>
        kernel.InitramfsModules.Count > 0 && modules.Lines.Any(l => ModuleFile.Compression(l.Path) is not null);

    private static InitramfsListing ReadListing(GuestTree tree, KernelInfo kernel, CancellationToken cancellation)
    {
        using Stream file = tree.OpenRead(kernel.InitramfsPath!);
        return InitramfsListing.Read(file, kernel.Version, readCompressed: true, cancellation);
    }

    /// <summary>Refuses a path that leads outside the directory of the modules.</summary>
    internal static void CheckRelative(string path, string directory)
    {
        if (path.StartsWith('/') || path.Split('/').Contains(".."))
        {
            throw V2VException.Corrupt("KernelModuleIndexDamaged", $"The guest's {directory}/modules.dep names a module outside its directory: {path}.", directory);
        }
    }
}
