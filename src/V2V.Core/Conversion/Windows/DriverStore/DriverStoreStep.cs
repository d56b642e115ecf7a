using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.Drivers.Library;
using V2V.Registry;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>
/// Installs the chosen drivers offline: start here. Both storage drivers become boot drivers, so that either bus boots. On Windows 8 and later, every package
/// goes into the driver store as DISM's /Add-Driver leaves it: the kernel finds the storage drivers, and Windows the others when it meets their devices. Before,
/// the store is a data base of its own format, so the packages lie in a folder that Windows searches (DevicePath), and the first boot imports them from there.
/// </summary>
internal sealed class DriverStoreStep : ConversionStep
{
    /// <summary>The folder that Windows searches, below its own.</summary>
    internal const string SearchFolder = "Drivers/VirtIO";

    private const int MaxFile = 256 << 20;
    private const string CurrentVersion = @"SOFTWARE\Microsoft\Windows\CurrentVersion";

    internal override string Name => "DriverStore";

    internal override int Order => 320;

    internal override void Apply(ConversionContext context)
    {
        if (context.Windows.Drivers is not { } selection)
        {
            return;
        }

        IReadOnlyList<DriverDatabase> databases = DriverDatabase.Open(context.Windows);
        var numbers = new OemNumbers(context, [.. databases.Select(d => d.Path)]);
        var files = new GuestPackageFiles(context);
        foreach (DriverChoice choice in selection.Drivers.DistinctBy(d => d.Inf.Path))
        {
            bool isBoot = choice.Kind is DriverKind.Block or DriverKind.Scsi;
            if (choice.Kept is { } kept)
            {
                if (isBoot)
                {
                    KeepBooting(context, kept, selection.Target, databases, files);
                }

                continue;
            }

            Add(context, choice, selection.Target, isBoot, databases, numbers, files);
        }

        if (selection.Drivers.Any(d => d.Kept is null))
        {
            AddSearchFolder(context);
        }
    }

    private static void Add(
        ConversionContext context, DriverChoice choice, TargetSystem target, bool isBoot, IReadOnlyList<DriverDatabase> databases, OemNumbers numbers, GuestPackageFiles files)
    {
        string reason = $"{choice.Package.Name} {choice.Package.DriverVer} drives {choice.Device}.";
        var contents = new SortedDictionary<string, byte[]>(StringComparer.OrdinalIgnoreCase) { [choice.Package.Name] = Read(choice.Inf) };
        foreach ((string path, LibraryFile file) in choice.Files)
        {
            contents[path] = Read(file);
        }

        foreach ((string path, byte[] content) in contents)
        {
            files.Write($"{SearchFolder}/{path}", content, reason);
        }

        StorePackage? stored = null;
        DriverDatabase? database = DriverDatabase.For(databases, choice.Package.ClassGuid, isBoot);
        if (database is not null)
        {
            string label = StorePackage.MakeLabel(choice.Package, target, contents);
            stored = new StorePackage(choice.Package, target, choice.Models, label, database.FindPublished(label) ?? numbers.Take());
            files.Stage(stored, contents, reason);
            byte[]? catalog = choice.Package.CatalogFile(target.Architecture) is { } name ? contents.GetValueOrDefault(name) : null;
            database.Import(stored, catalog is null ? CatalogSigner.Unsigned : CatalogSigner.Read(catalog), $@"{context.Windows.SystemDrive}\{context.Windows.Info.SystemRoot.Trim('/')}\{SearchFolder.Replace('/', '\\')}", reason);
            context.Windows.StagedPackages.Add(choice.Package.Name);
        }

        if (isBoot)
        {
            MakeBoot(context, choice.Package, target, choice.Models, stored, database, files, p => contents[p], reason);
        }
    }

    private static void MakeBoot(
        ConversionContext context, DriverPackage package, TargetSystem target, IReadOnlyList<DriverModel> models, StorePackage? stored, DriverDatabase? database, GuestPackageFiles files,
        Func<string, byte[]> read, string reason)
    {
        foreach (DriverInstall install in models.DistinctBy(m => m.InstallSection, StringComparer.OrdinalIgnoreCase).Select(m => package.Install(m, target)))
        {
            files.Install(package, install, read, reason);
            BootServices.Write(context, package, stored?.Published, stored?.ServiceFolder ?? "", install, reason);
        }

        if (stored is not null && database is not null)
        {
            database.Configure(stored, reason);
        }
        else
        {
            CriticalDevices.Write(context, package, target, models, reason);
        }
    }

    /// <summary>A driver that the guest has already may be there without ever having been needed for the boot.</summary>
    private static void KeepBooting(ConversionContext context, InstalledDriver kept, TargetSystem target, IReadOnlyList<DriverDatabase> databases, GuestPackageFiles files)
    {
        string reason = $"{kept.Name}, which the guest has already, is needed to boot.";
        IReadOnlyList<DriverModel> models = kept.Package.Models(target);
        DriverDatabase? database = databases.FirstOrDefault(d => d.FindLabel(kept.Name) is not null);
        StorePackage? stored = database?.FindLabel(kept.Name) is { } label ? new StorePackage(kept.Package, target, models, label, kept.Name) : null;
        MakeBoot(context, kept.Package, target, models, stored, database, files, Find, reason);

        byte[] Find(string path)
        {
            string folder = stored is null ? kept.StoreFolder ?? context.Windows.Path("System32/drivers") : context.Windows.Path(stored.Folder);
            return context.Tree.ReadAllBytes($"{folder}/{path}", MaxFile);
        }
    }

    /// <summary>Lets Windows find packages in the folder when it meets a device: DevicePath, of its type.</summary>
    private static void AddSearchFolder(ConversionContext context)
    {
        const string Folder = @"%SystemRoot%\Drivers\VirtIO";
        RegistryEditor registry = context.Windows.Registry;
        RegistryValue? before = registry.Find(CurrentVersion)?.GetValue("DevicePath");
        string text = before?.Text is { Length: > 0 } present ? present : @"%SystemRoot%\inf";
        if (!text.Split(';').Contains(Folder, StringComparer.OrdinalIgnoreCase))
        {
            registry.SetText(CurrentVersion, "DevicePath", text + ";" + Folder, "Windows also searches the folder of the virtio drivers.", before?.Type ?? RegistryValueType.ExpandString);
        }
    }

    private static byte[] Read(LibraryFile file)
    {
        using Stream stream = file.Open();
        using var content = new MemoryStream();
        byte[] buffer = new byte[81920];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            if (content.Length + read > MaxFile)
            {
                throw new Storage.V2VException("DriverFileTooLarge", Storage.V2VErrorKind.Unsupported, $"The driver file {file.Path} is larger than 256 MiB.", file.Path, "Check the drivers' image.");
            }

            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }
}
