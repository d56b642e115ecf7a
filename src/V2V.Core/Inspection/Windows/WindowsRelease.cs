using System.Globalization;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows;

/// <summary>Which Windows it is, from SOFTWARE\Microsoft\Windows NT\CurrentVersion.</summary>
/// <param name="Version">Major, minor and build number.</param>
/// <param name="ProductName">Name as Microsoft sells it: Windows 11 calls itself 10 in the registry.</param>
/// <param name="Edition">EditionID, or empty.</param>
/// <param name="InstallationType">Client, Server or Server Core.</param>
/// <param name="Revision">UBR, or null.</param>
internal sealed record WindowsRelease(Version Version, string ProductName, string Edition, string InstallationType, int? Revision)
{
    private const int FirstBuildOf11 = 22000;

    /// <summary>True for a server.</summary>
    public bool IsServer => InstallationType.StartsWith("Server", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads what the registry says.</summary>
    /// <param name="key">CurrentVersion, or null if SOFTWARE cannot be read.</param>
    /// <param name="productType">SYSTEM's ProductOptions\ProductType: WinNT, ServerNT or LanmanNT (a domain controller).</param>
    /// <param name="kernel">The kernel's version, which stands in for one that the registry does not tell.</param>
    public static WindowsRelease Read(RegistryKey? key, string? productType = null, Version? kernel = null)
    {
        string product = key?.GetText("ProductName") ?? "";
        bool isServer = product.Contains("Server", StringComparison.OrdinalIgnoreCase) || productType?.ToUpperInvariant() is "SERVERNT" or "LANMANNT";
        string type = key?.GetText("InstallationType") ?? (isServer ? "Server" : "Client");
        int[] numbers = [.. (key?.GetText("CurrentVersion") ?? "").Split('.').Select(Number)];
        int major = (int?)key?.GetNumber("CurrentMajorVersionNumber") ?? numbers.ElementAtOrDefault(0);
        int minor = (int?)key?.GetNumber("CurrentMinorVersionNumber") ?? numbers.ElementAtOrDefault(1);
        int build = Number(key?.GetText("CurrentBuildNumber") ?? key?.GetText("CurrentBuild") ?? "");
        if (major == 0 && kernel is not null)
        {
            (major, minor, build) = (kernel.Major, kernel.Minor, kernel.Build);
        }

        if (type == "Client" && build >= FirstBuildOf11)
        {
            product = product.Replace("Windows 10", "Windows 11", StringComparison.Ordinal);
        }

        return new WindowsRelease(new Version(major, minor, build), product, key?.GetText("EditionID") ?? "", type, (int?)key?.GetNumber("UBR"));
    }

    /// <summary>The osinfo database's short id, or null.</summary>
    public string? OsInfoId => (Version.Major, Version.Minor) switch
    {
        (5, 0) => "win2k",
        (5, 1) => "winxp",
        (5, 2) when ProductName.Contains("XP", StringComparison.Ordinal) => "winxp",
        (5, 2) => ProductName.Contains("R2", StringComparison.Ordinal) ? "win2k3r2" : "win2k3",
        (6, 0) => IsServer ? "win2k8" : "winvista",
        (6, 1) => IsServer ? "win2k8r2" : "win7",
        (6, 2) => IsServer ? "win2k12" : "win8",
        (6, 3) => IsServer ? "win2k12r2" : "win8.1",
        (10, 0) when IsServer => Version.Build switch
        {
            >= 26100 => "win2k25",
            >= 20348 => "win2k22",
            >= 17763 => "win2k19",
            _ => "win2k16",
        },
        (10, 0) => Version.Build >= FirstBuildOf11 ? "win11" : "win10",
        _ => null,
    };

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
