using V2V.Core.Conversion.Windows;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.Core.Conversion;

/// <summary>What the steps of one conversion share. Not thread-safe.</summary>
internal sealed class ConversionContext : IDisposable
{
    private readonly List<string> _warnings = [];
    private readonly WindowsGuest? _windows;

    internal ConversionContext(V2VInspection inspection, ConversionOptions options, GuestTree tree, IOperationObserver observer)
    {
        Inspection = inspection;
        Options = options;
        Observer = observer;
        Editor = new GuestEditor(tree);
        _windows = inspection.Windows is null ? null : new WindowsGuest(inspection.Windows, Editor);
        Drivers = KernelDrivers.Choose(inspection, options);
        Capabilities = _windows is null ? GuestCapabilityRules.Describe(inspection, Drivers) : WindowsCapabilityRules.Describe(inspection);
    }

    /// <summary>What was found in the guest before anything was changed.</summary>
    internal V2VInspection Inspection { get; }

    /// <summary>The machine.</summary>
    internal V2VSource Source => Inspection.Source;

    /// <summary>What the user chose.</summary>
    internal ConversionOptions Options { get; }

    /// <summary>Where to report to.</summary>
    internal IOperationObserver Observer { get; }

    /// <summary>The guest's files, for reading and for every change.</summary>
    internal GuestEditor Editor { get; }

    /// <summary>The guest's files, for reading.</summary>
    internal GuestTree Tree => Editor.Tree;

    /// <summary>Which kernels can drive virtio, and which one is to be the default.</summary>
    internal KernelDrivers Drivers { get; }

    /// <summary>What the target must offer; steps refine it.</summary>
    internal GuestCapabilities Capabilities { get; set; }

    /// <summary>What becomes of the network cards.</summary>
    internal List<NicReport> Nics { get; } = [];

    /// <summary>Interface name and addresses of the cards that were given some, by MAC.</summary>
    internal Dictionary<string, (string Name, IReadOnlyList<string> Addresses)> StaticAddresses { get; } = new(StringComparer.Ordinal);

    /// <summary>Files that every initramfs must hold besides modules: path without leading slash, and content.</summary>
    internal SortedDictionary<string, byte[]> InitramfsFiles { get; } = new(StringComparer.Ordinal);

    /// <summary>Device names that stand in the guest's configuration, and what replaced them: for settings that are embedded elsewhere.</summary>
    internal Dictionary<string, string> ReplacedDevices { get; } = new(StringComparer.Ordinal);

    /// <summary>What is left to the first boot.</summary>
    internal FirstBootPlan FirstBoot { get; } = new();

    /// <summary>What the steps of a Windows guest share.</summary>
    internal WindowsGuest Windows => _windows ?? throw new InvalidOperationException("The guest is no Windows.");

    /// <summary>What a user should know.</summary>
    internal IReadOnlyList<string> Warnings => _warnings;

    /// <summary>True if a package is installed.</summary>
    internal bool HasPackage(string name) => Inspection.Applications.Any(a => a.Name == name);

    /// <summary>Major version of the guest's systemd, or 0.</summary>
    internal int SystemdVersion => MajorVersion(Inspection.Applications.FirstOrDefault(a => a.Name is "systemd" or "udev")?.Version);

    /// <summary>Says something that a user should know; once.</summary>
    internal void Warn(string message)
    {
        if (!_warnings.Contains(message))
        {
            _warnings.Add(message);
            Observer.Warning(message);
        }
    }

    public void Dispose() => _windows?.Dispose();

    private static int MajorVersion(string? version)
    {
        int number = 0;
        foreach (char c in (version ?? "")[((version ?? "").IndexOf(':', StringComparison.Ordinal) + 1)..].TakeWhile(char.IsAsciiDigit).Take(6))
        {
            number = (number * 10) + c - '0';
        }

        return number;
    }
}
