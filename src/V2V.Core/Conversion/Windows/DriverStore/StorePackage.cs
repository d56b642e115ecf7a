using System.Security.Cryptography;
using V2V.Core.Conversion.Windows.Drivers;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>A driver package as it lies in a guest's driver store, or is to lie there.</summary>
/// <param name="Package">What its INF file says.</param>
/// <param name="Target">The guest's Windows.</param>
/// <param name="Models">The devices in it that this Windows finds.</param>
/// <param name="Label">Its name in the store: <c>viostor.inf_amd64_0123456789abcdef</c>.</param>
/// <param name="Published">Name of its INF file in Windows\INF: <c>oem12.inf</c>.</param>
internal sealed record StorePackage(DriverPackage Package, TargetSystem Target, IReadOnlyList<DriverModel> Models, string Label, string Published)
{
    private const string Repository = "System32/DriverStore/FileRepository/";

    /// <summary>Its folder below that of Windows.</summary>
    internal string Folder => Repository + Label;

    /// <summary>Its folder as a service's program names it.</summary>
    internal string ServiceFolder => @"System32\DriverStore\FileRepository\" + Label;

    /// <summary>The catalog's name in the catalog folder: <c>oem12.cat</c>.</summary>
    internal string PublishedCatalog => System.IO.Path.ChangeExtension(Published, ".cat");

    /// <summary>What is installed for each of the devices, each section once.</summary>
    internal IEnumerable<DriverInstall> Installs =>
        Models.Select(m => m.InstallSection).Distinct(StringComparer.OrdinalIgnoreCase).Select(s => Package.Install(Models.First(m => m.InstallSection.Equals(s, StringComparison.OrdinalIgnoreCase)), Target));

    /// <summary>
    /// Makes the label: the INF file's name, the architecture and a number of 64 bits made of what is in the package. How Windows makes that number is
    /// known to nobody else, and nothing compares it: it only keeps packages of the same name apart. Ours is the same for the same files.
    /// </summary>
    internal static string MakeLabel(DriverPackage package, TargetSystem target, IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string path, byte[] content) in files.OrderBy(f => f.Key, StringComparer.OrdinalIgnoreCase))
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(path.ToUpperInvariant() + "\0"));
            hash.AppendData(content);
        }

        string number = Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
        return $"{package.Name.ToLowerInvariant()}_{target.Architecture.InfName()}_{number}";
    }
}
