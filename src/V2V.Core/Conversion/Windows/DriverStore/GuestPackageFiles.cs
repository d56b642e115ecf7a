using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>Puts the files of driver packages into a guest.</summary>
internal sealed class GuestPackageFiles(ConversionContext context)
{
    /// <summary>Where catalogs of drivers are (the GUID is DRIVER_ACTION_VERIFY's).</summary>
    private const string CatalogFolder = "System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/";

    private WindowsGuest Windows => context.Windows;

    /// <summary>Puts a package into the store, and publishes its INF file and catalog.</summary>
    internal void Stage(StorePackage package, IReadOnlyDictionary<string, byte[]> files, string reason)
    {
        foreach ((string path, byte[] content) in files)
        {
            Write($"{package.Folder}/{path}", content, reason);
        }

        Write("INF/" + package.Published, files[package.Package.Name], reason);
        if (package.Package.CatalogFile(package.Target.Architecture) is { } catalog && files.GetValueOrDefault(catalog) is { } signature)
        {
            Write(CatalogFolder + package.PublishedCatalog, signature, reason);
        }
    }

    /// <summary>Copies the files of a driver where its INF file wants them.</summary>
    /// <param name="package">Its name and Windows.</param>
    /// <param name="install">What is installed.</param>
    /// <param name="read">Reads a file of the package by its path there.</param>
    /// <param name="reason">Why.</param>
    internal void Install(DriverPackage package, DriverInstall install, Func<string, byte[]> read, string reason)
    {
        foreach (DriverFile file in install.Files.Where(f => f.DirectoryId != InfDirectory.DriverStore))
        {
            Write($"{Target(package, file)}/{file.TargetName}", read(file.SourcePath), reason);
        }
    }

    /// <summary>Writes a file below the folder of Windows.</summary>
    internal void Write(string path, ReadOnlySpan<byte> content, string reason) => context.Editor.WriteBytes(Windows.Path(path), content, reason);

    /// <summary>Folder below that of Windows.</summary>
    private static string Target(DriverPackage package, DriverFile file)
    {
        const string Root = "%SystemRoot%";
        string path = InfDirectory.Path(file.DirectoryId) is { } known && known.StartsWith(Root, StringComparison.Ordinal)
            ? known[Root.Length..].TrimStart('\\')
            : throw V2VException.Unsupported(
                "DriverDirectoryUnsupported", $"{package.Name} copies {file.TargetName} to the directory {file.DirectoryId}, which lies outside of Windows.", package.Name,
                "Take another version of the drivers.");
        return string.Join('/', ((string[])[.. path.Split('\\'), .. file.Subfolder.Split('\\')]).Where(p => p.Length > 0));
    }
}
