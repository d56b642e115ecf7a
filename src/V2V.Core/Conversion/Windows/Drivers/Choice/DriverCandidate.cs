using V2V.Core.Conversion.Windows.Drivers.Library;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>An INF file of a library that has devices for a Windows, and how well it suits it.</summary>
internal sealed class DriverCandidate
{
    private const string SystemDriver = ".sys";

    private readonly DriverLibrary _library;
    private readonly TargetSystem _target;
    private readonly string _folder;
    private readonly Lazy<CatalogSignature?> _signature;

    private DriverCandidate(DriverLibrary library, TargetSystem target, string path, DriverPackage package, IReadOnlyList<DriverModel> models)
    {
        (_library, _target, Path, Package, Models) = (library, target, path, package, models);
        _folder = path[..(path.LastIndexOf('/') + 1)];
        Folder = WindowsFolder.Of(_folder);
        (Kind, Device) = models.SelectMany(m => m.Ids).Select(DriverDevices.Of).OrderBy(d => d.Kind).First();
        Paths = package.Files(target);
        _signature = new Lazy<CatalogSignature?>(ReadSignature);
    }

    /// <summary>Path of the INF file in the library.</summary>
    public string Path { get; }

    public DriverPackage Package { get; }

    public IReadOnlyList<DriverModel> Models { get; }

    public DriverKind Kind { get; }

    public string Device { get; }

    /// <summary>The Windows that its folder is for, or null.</summary>
    public WindowsFolder? Folder { get; }

    /// <summary>The package's files besides the INF file, below its folder.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>Its catalog's signature; null if there is none.</summary>
    public CatalogSignature? Signature => _signature.Value;

    /// <summary>False if it is signed in a way that Windows without SHA-2 cannot verify.</summary>
    public bool IsSha1 => Signature is not { IsSha1: false };

    /// <summary>Reads an INF file; null if it has no device for the Windows.</summary>
    /// <exception cref="Storage.V2VException">It cannot be read.</exception>
    public static DriverCandidate? Read(DriverLibrary library, string path, TargetSystem target)
    {
        DriverPackage package = DriverPackage.Parse(library.ReadAllBytes(path, Inf.InfFile.MaxBytes), path[(path.LastIndexOf('/') + 1)..]);
        IReadOnlyList<DriverModel> models = package.Models(target);
        return models.Any(m => m.Ids.Any()) ? new DriverCandidate(library, target, path, package, models) : null;
    }

    /// <summary>Why the package cannot be used although its INF file suits, in half a sentence; null if it can.</summary>
    public string? Fault()
    {
        if (Package.CatalogFile(_target.Architecture) is null && _target is { Version.Major: >= 6, Architecture: not TargetArchitecture.X86 })
        {
            return $"{Path} names no catalog, and a 64-bit Windows takes signed drivers only";
        }

        foreach (string path in Paths)
        {
            if (_library.Find(_folder + path) is not { } file)
            {
                return $"{_folder + path} is missing";
            }

            if (path.EndsWith(SystemDriver, StringComparison.OrdinalIgnoreCase)
                && DriverImage.Parse(_library.ReadHead(file, DriverImage.HeadLength)) is { } image
                && !image.Suits(_target))
            {
                return $"{file} is built for another architecture or a later Windows";
            }
        }

        return null;
    }

    public DriverChoice Choose(InstalledDriver? kept)
    {
        var files = Paths.ToDictionary(p => p, p => File(_folder + p), StringComparer.OrdinalIgnoreCase);
        return new DriverChoice
        {
            Kind = Kind,
            Device = Device,
            Package = Package,
            Models = Models,
            Inf = File(Path),
            Catalog = Package.CatalogFile(_target.Architecture) is { } catalog ? files[catalog] : null,
            Files = files,
            Folder = Folder,
            Kept = kept,
        };
    }

    /// <summary>A file beside the INF file, or null.</summary>
    public LibraryFile? Beside(string name) => _library.Find(_folder + name) is { } path ? File(path) : null;

    private CatalogSignature? ReadSignature() => Package.CatalogFile(_target.Architecture) is { } catalog && _library.Find(_folder + catalog) is { } file
        ? CatalogSignature.Read(_library.ReadAllBytes(file, CatalogSignature.MaxBytes))
        : null;

    private LibraryFile File(string path)
    {
        string found = _library.Find(path)!;
        return new LibraryFile(found[(found.LastIndexOf('/') + 1)..], found, () => _library.OpenRead(found));
    }
}
