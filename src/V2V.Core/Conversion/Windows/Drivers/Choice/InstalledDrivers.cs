using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>Finds the drivers for virtio and QEMU devices that a guest has: the oemNN.inf files of Windows\INF and their folders in the driver store.</summary>
internal static class InstalledDrivers
{
    private const int MaxInfFiles = 2000;
    private const int MaxFolders = 256;
    private const string StorePath = "/System32/DriverStore/FileRepository";

    /// <summary>Reads what is there and whole; a file that cannot be read is no driver.</summary>
    /// <param name="tree">The guest's files.</param>
    /// <param name="systemRoot">Path of the folder of Windows.</param>
    /// <param name="target">The guest's Windows.</param>
    internal static IReadOnlyList<InstalledDriver> Read(GuestTree tree, string systemRoot, TargetSystem target)
    {
        var found = new List<InstalledDriver>();
        foreach (string name in Names(tree, systemRoot + "/INF").Where(IsOemInf).Take(MaxInfFiles))
        {
            byte[]? content = Content(tree, $"{systemRoot}/INF/{name}");
            if (content is null || Parse(content, name) is not { } package || Devices(package, target) is not { Count: > 0 } devices)
            {
                continue;
            }

            string? folder = StoreFolder(tree, systemRoot + StorePath, package.CatalogFile(target.Architecture), content);
            if (IsWhole(tree, systemRoot, package, folder, target))
            {
                found.Add(new InstalledDriver(package, name, folder, devices));
            }
        }

        return found;
    }

    private static bool IsOemInf(string name) =>
        name.Length > 7
        && name.StartsWith("oem", StringComparison.OrdinalIgnoreCase)
        && name.EndsWith(".inf", StringComparison.OrdinalIgnoreCase)
        && !name.AsSpan()[3..^4].ContainsAnyExceptInRange('0', '9');

    private static HashSet<string> Devices(DriverPackage package, TargetSystem target) => package.Models(target)
        .SelectMany(m => m.Ids)
        .Select(DriverDevices.Of)
        .Where(d => d.Kind != DriverKind.Other)
        .Select(d => d.Device)
        .ToHashSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>The folder that holds the same INF file; it is named after it, as the catalog is.</summary>
    private static string? StoreFolder(GuestTree tree, string store, string? catalog, byte[] content)
    {
        if (catalog is null)
        {
            return null;
        }

        string inf = Path.ChangeExtension(catalog, ".inf");
        return Names(tree, store)
            .Where(n => n.StartsWith(inf + "_", StringComparison.OrdinalIgnoreCase))
            .Take(MaxFolders)
            .Select(n => $"{store}/{n}")
            .FirstOrDefault(f => Content(tree, $"{f}/{inf}") is { } stored && stored.AsSpan().SequenceEqual(content));
    }

    /// <summary>True if all files of a package are in its folder of the store, or where Windows without a store copied them.</summary>
    private static bool IsWhole(GuestTree tree, string systemRoot, DriverPackage package, string? folder, TargetSystem target) => Try(() => folder is not null
        ? package.Files(target).All(f => tree.FileExists($"{folder}/{f}"))
        : package.Models(target).SelectMany(m => package.Install(m, target).Files).All(f => f.DirectoryId == InfDirectory.Drivers && tree.FileExists($"{systemRoot}/System32/drivers/{f.TargetName}")));

    private static DriverPackage? Parse(byte[] content, string name) => Try(() => DriverPackage.Parse(content, name));

    private static byte[]? Content(GuestTree tree, string path) => Try(() => tree.FileExists(path) ? tree.ReadAllBytes(path, InfFile.MaxBytes) : null);

    private static List<string> Names(GuestTree tree, string path) => Try(() => tree.DirectoryExists(path) ? tree.EnumerateDirectory(path).Select(e => e.Name).ToList() : null) ?? [];

    private static T? Try<T>(Func<T?> read)
    {
        try
        {
            return read();
        }
        catch (V2VException)
        {
            return default;
        }
    }
}
