using V2V.Core.Inspection;
using V2V.Registry;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>The Windows that drivers are chosen for, by what INF files tell apart.</summary>
/// <param name="Version">Major and minor version and build.</param>
/// <param name="Architecture">Its architecture.</param>
/// <param name="ProductType">1 for a workstation, 2 for a domain controller, 3 for a server (VER_NT_*).</param>
/// <param name="SuiteMask">VER_SUITE_* bits.</param>
internal sealed record TargetSystem(Version Version, TargetArchitecture Architecture, int ProductType, uint SuiteMask = 0)
{
    /// <summary>Product type of a client.</summary>
    internal const int Workstation = 1;

    /// <summary>Product type of a domain controller.</summary>
    internal const int DomainController = 2;

    /// <summary>Product type of any other server.</summary>
    internal const int Server = 3;

    private const uint SingleUserTerminal = 0x100;

    /// <summary>ProductSuite's names and the bits for them (winnt.h).</summary>
    private static readonly Dictionary<string, uint> s_suites = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Small Business"] = 0x1,
        ["Enterprise"] = 0x2,
        ["BackOffice"] = 0x4,
        ["CommunicationServer"] = 0x8,
        ["Terminal Server"] = 0x10,
        ["Small Business(Restricted)"] = 0x20,
        ["EmbeddedNT"] = 0x40,
        ["DataCenter"] = 0x80,
        ["Personal"] = 0x200,
        ["Blade"] = 0x400,
        ["Embedded(Restricted)"] = 0x800,
        ["Security Appliance"] = 0x1000,
        ["Storage Server"] = 0x2000,
        ["Compute Server"] = 0x4000,
        ["WH Server"] = 0x8000,
    };

    /// <summary>True for any server.</summary>
    internal bool IsServer => ProductType != Workstation;

    /// <summary>What the inspection of a guest says, completed from its registry.</summary>
    /// <param name="inspection">A Windows guest.</param>
    /// <param name="system">Its SYSTEM hive: tells domain controllers and suites.</param>
    /// <exception cref="V2VException"><c>DriverArchitectureUnknown</c>.</exception>
    internal static TargetSystem Of(V2VInspection inspection, RegistryHive? system)
    {
        TargetArchitecture architecture = TargetArchitectures.FromMachine(inspection.Architecture) ?? throw V2VException.Unsupported(
            "DriverArchitectureUnknown",
            $"No Windows drivers can be chosen for the architecture '{inspection.Architecture}'.",
            inspection.Architecture,
            "Export the source as it is, and install drivers by hand.");
        RegistryKey? options = system?.Find(inspection.Windows?.ControlSet + @"\Control\ProductOptions");
        bool isServer = inspection.Windows?.InstallationType.StartsWith("Server", StringComparison.OrdinalIgnoreCase) == true;
        int type = options?.GetText("ProductType")?.ToUpperInvariant() switch
        {
            "WINNT" => Workstation,
            "LANMANNT" => DomainController,
            "SERVERNT" => Server,
            _ => isServer ? Server : Workstation,
        };
        uint suites = (options?.GetValue("ProductSuite")?.Texts ?? []).Aggregate(SingleUserTerminal, (mask, name) => mask | s_suites.GetValueOrDefault(name));
        return new TargetSystem(inspection.Version, architecture, type, suites);
    }
}
