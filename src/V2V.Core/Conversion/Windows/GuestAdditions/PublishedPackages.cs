using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.GuestAdditions;

/// <summary>The third-party driver packages that a Windows has published as INF\oemNN.inf.</summary>
internal static class PublishedPackages
{
    private const int MaxPackages = 2000;

    /// <summary>The packages that a product brought: of its provider, and with one of its services.</summary>
    /// <param name="context">The guest.</param>
    /// <param name="product">The product.</param>
    /// <param name="kept">Services whose packages belong to something else as well.</param>
    internal static IReadOnlyList<string> Find(ConversionContext context, AdditionsProduct product, IReadOnlyList<string> kept)
    {
        string folder = context.Windows.Path("INF");
        if (!context.Tree.DirectoryExists(folder))
        {
            return [];
        }

        var found = new List<string>();
        foreach (string name in context.Tree.EnumerateDirectory(folder).Select(e => e.Name).Where(IsPublished).Order(StringComparer.OrdinalIgnoreCase).Take(MaxPackages))
        {
            if (Read(context, folder + "/" + name) is { } package && product.Providers.Contains(package.Provider, StringComparer.OrdinalIgnoreCase))
            {
                IEnumerable<string> services = package.Inf.SectionNames.SelectMany(s => package.Inf.Section(s)).Where(l => l.Is("AddService")).Select(l => l.Field(0));
                if (services.Any(s => product.Services.Concat(product.DeviceFilters).Except(kept).Contains(s, StringComparer.OrdinalIgnoreCase)))
                {
                    found.Add(name.ToLowerInvariant());
                }
            }
        }

        return found;
    }

    /// <summary>True for <c>oem</c>, a number and <c>.inf</c>.</summary>
    internal static bool IsPublished(string name) =>
        name.Length is > 7 and < 16 && name.StartsWith("oem", StringComparison.OrdinalIgnoreCase) && name.EndsWith(".inf", StringComparison.OrdinalIgnoreCase)
        && name.AsSpan(3, name.Length - 7).IndexOfAnyExceptInRange('0', '9') < 0;

    private static DriverPackage? Read(ConversionContext context, string path)
    {
        try
        {
            return context.Tree.TryGetEntry(path) is { Type: GuestFileType.File, Length: <= InfFile.MaxBytes }
                ? DriverPackage.Parse(context.Tree.ReadAllBytes(path, InfFile.MaxBytes), GuestPath.GetName(path))
                : null;
        }
        catch (V2VException e)
        {
            context.Warn($"{path} was not read, so it is not told whose driver it is: {e.Message}");
            return null;
        }
    }
}
