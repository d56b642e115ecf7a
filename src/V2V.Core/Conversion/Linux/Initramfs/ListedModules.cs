using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Initramfs;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// Initramfs images whose first program loads drivers by a list of its own, not (or not only) by what the kernel finds: the list gets the
/// new modules too, in a copy of its file that replaces it.
/// </summary>
internal sealed class ListedModules
{
    private const string ArchConfiguration = "config";

    private static readonly string[] s_tools = [InitramfsTool.RedHatMkinitrd, InitramfsTool.SuseMkinitrd, InitramfsTool.Mkinitcpio, InitramfsTool.Booster, InitramfsTool.TinyInitramfs];
    private static readonly string[] s_wanted = [NashInit.Path, .. SuseInit.Paths, BoosterImage.Aliases, BoosterImage.Configuration, ArchConfiguration, TinyInit.Path];

    /// <summary>What is loaded by name; sd_mod and the rest follow by themselves, as dependencies or by udev.</summary>
    private static readonly string[] s_drivers = ["virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod"];

    private readonly InitramfsListing _listing;
    private readonly Func<string, string?> _replace;

    private ListedModules(InitramfsListing listing, IReadOnlyDictionary<string, string> devices)
    {
        _listing = listing;
        _replace = name => devices.GetValueOrDefault(name) switch
        {
            { } uuid when uuid.StartsWith("UUID=", StringComparison.Ordinal) => "/dev/disk/by-uuid/" + uuid[5..],
            { } uuid when uuid.StartsWith("PARTUUID=", StringComparison.Ordinal) => "/dev/disk/by-partuuid/" + uuid[9..],
            { } other => other,
            null => null,
        };
    }

    private bool IsNash => _listing.Files.TryGetValue(NashInit.Path, out InitramfsFile? init) && NashInit.Is(init.Text);

    private bool IsBooster => _listing.Files.ContainsKey(BoosterImage.Configuration);

    private bool IsTiny => _listing.Files.TryGetValue(TinyInit.Path, out InitramfsFile? list) && TinyInit.Is(list.Text);

    /// <summary>Reads an initramfs if a tool of the guest makes such images; null otherwise.</summary>
    internal static ListedModules? Read(ConversionContext context, KernelInfo kernel)
    {
        if (!context.Inspection.InitramfsTools.Any(s_tools.Contains))
        {
            return null;
        }

        using Stream file = context.Tree.OpenRead(kernel.InitramfsPath!);
        return new ListedModules(
            InitramfsListing.Read(file, kernel.Version, readCompressed: true, context.Observer.CancellationToken, s_wanted), context.ReplacedDevices);
    }

    /// <summary>True if all modules lie in one directory, so that the index files of depmod mean nothing there.</summary>
    internal bool IsFlat => IsNash || IsBooster || IsTiny;

    /// <summary>Names of the modules to add to an image of that kind; those for the network are not among them.</summary>
    internal List<string> FindMissing(KernelInfo kernel, ModuleDependencies modules)
    {
        HashSet<string> wanted = modules.Closure(InitramfsSegment.DiskModules);
        wanted.ExceptWith(kernel.BuiltIn);
        wanted.ExceptWith(_listing.FlatModules);
        return [.. modules.Lines.Select(l => l.Name).Where(wanted.Contains).Distinct()];
    }

    /// <summary>Puts modules into an image of that kind; false if its list has no place for them.</summary>
    internal bool AddFlat(CpioWriter archive, GuestTree tree, KernelInfo kernel, ModuleDependencies modules, IReadOnlyList<string> missing)
    {
        string directory = IsNash ? NashInit.Directory : IsBooster ? BoosterImage.Directory : "";
        if (directory.Length > 0)
        {
            archive.Assume(directory);
            archive.Assume("etc");
            directory += "/";
        }

        List<ModuleLine> ordered = Order(kernel, modules, missing);
        foreach (ModuleLine line in ordered)
        {
            InitramfsSegment.CheckRelative(line.Path, modules.Directory);
            archive.AddFile(directory + (IsBooster ? line.Name + ".ko" : FileName(line)), ModuleFile.Read(tree, modules.Directory + "/" + line.Path, decompress: true));
        }

        if (IsBooster)
        {
            InitramfsFile configuration = _listing.Files[BoosterImage.Configuration];
            Dictionary<string, string[]> needs = ordered.ToDictionary(
                l => l.Name, l => l.Dependencies.Select(ModuleDependencies.NameOf).OfType<string>().Where(d => !kernel.BuiltIn.Contains(d)).ToArray(), StringComparer.Ordinal);
            Add(archive, BoosterImage.Configuration, configuration.With(BoosterImage.Configure(configuration.Text, needs, [.. s_drivers.Where(needs.ContainsKey)])));
            if (_listing.Files.TryGetValue(BoosterImage.Aliases, out InitramfsFile? aliases))
            {
                Add(archive, BoosterImage.Aliases, aliases.With(BoosterImage.AddAliases(aliases.Text, tree, modules, needs.Keys.ToHashSet(StringComparer.Ordinal))));
            }

            return true;
        }

        string[] files = [.. ordered.Select(FileName)];
        if (IsTiny)
        {
            InitramfsFile list = _listing.Files[TinyInit.Path];
            Add(archive, TinyInit.Path, list.With(TinyInit.Add(list.Text, files)));
            return true;
        }

        InitramfsFile init = _listing.Files[NashInit.Path];
        bool knowsUuids = PackageVersion.Compare(kernel.Version, "2.6.16") >= 0;
        if (NashInit.Edit(init.Text, files, modules.Closure(missing)) is not { } script)
        {
            return false;
        }

        // This init reads UUID=, and knows no links by UUID.
        Add(archive, NashInit.Path, init.With(NashInit.ReplaceDevices(script, name => _replace(name) is { } path && path.StartsWith("/dev/disk/by-uuid/", StringComparison.Ordinal)
            ? knowsUuids ? "UUID=" + path["/dev/disk/by-uuid/".Length..] : null
            : _replace(name))));
        return true;
    }

    /// <summary>Adds edited copies of the lists to an image with the usual directory of modules; false if an image that needs a list has none that is known.</summary>
    internal bool AddLists(CpioWriter archive, IReadOnlyList<string> missing)
    {
        string[] drivers = [.. s_drivers.Where(missing.Contains)];
        if (_listing.Files.TryGetValue(ArchConfiguration, out InitramfsFile? arch) && arch.Text.Contains("HOOKS=", StringComparison.Ordinal))
        {
            Add(archive, ArchConfiguration, arch.With(TextLines.Append(arch.Text, $"MODULES=\"$MODULES {string.Join(' ', drivers)}\"")));
            return true;
        }

        bool hasList = _listing.Files.Values.Any(f => SuseInit.HasList(f.Text));
        if (hasList)
        {
            archive.Assume("config");
            foreach ((string path, InitramfsFile file) in _listing.Files.Where(f => SuseInit.Paths.Contains(f.Key)))
            {
                string edited = SuseInit.Edit(file.Text, drivers, _replace);
                if (edited != file.Text)
                {
                    Add(archive, path, file.With(edited));
                }
            }
        }

        return hasList || _listing.Files.Count == 0 || !_listing.Files.ContainsKey("run_all.sh");
    }

    private static string FileName(ModuleLine line) => GuestPath.GetName(ModuleFile.PlainPath(line.Path));

    private static void Add(CpioWriter archive, string path, InitramfsFile file) => archive.AddFile(path, file.Content, file.Mode);

    /// <summary>The order in which modules are inserted: modules.dep(5) names what a module needs from near to far.</summary>
    private static List<ModuleLine> Order(KernelInfo kernel, ModuleDependencies modules, IReadOnlyList<string> missing)
    {
        var ordered = new List<ModuleLine>();
        var seen = new HashSet<string>(kernel.BuiltIn, StringComparer.Ordinal);
        foreach (string name in InitramfsSegment.DiskModules.Concat(missing).Where(missing.Contains))
        {
            foreach (string next in modules.Find(name)!.Dependencies.Select(ModuleDependencies.NameOf).OfType<string>().Reverse().Append(name))
            {
                if (missing.Contains(next) && seen.Add(next))
                {
                    ordered.Add(modules.Find(next)!);
                }
            }
        }

        return ordered;
    }
}
