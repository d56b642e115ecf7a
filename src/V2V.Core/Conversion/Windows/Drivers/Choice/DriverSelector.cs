using V2V.Core.Conversion.Windows.Drivers.Library;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>
/// Chooses a guest's drivers from a library: start here. The INF file decides what a driver is good for; the folder tells versions of Windows
/// apart where INF files do not; files that are missing or built for something else rule a package out.
/// </summary>
internal sealed class DriverSelector
{
    /// <summary>The notifier of NetKVM's failover, which wants a card that is not there.</summary>
    private const string ExcludedInf = "vioprot.inf";
    private const string ExcludedFolder = "sriov";
    private const string BalloonServiceName = "blnsvr.exe";

    /// <summary>Drivers of one device that are otherwise equal: the first of these INF names comes first.</summary>
    private static readonly string[] s_preferredNames = ["virtio_blk.inf", "vrtioblk.inf", "viostor.inf"];

    private static readonly Dictionary<TargetArchitecture, string[]> s_agents = new()
    {
        [TargetArchitecture.X86] = ["qemu-ga-x86.msi", "qemu-ga-i386.msi", "rhev-qga.msi"],
        [TargetArchitecture.Amd64] = ["qemu-ga-x64.msi", "qemu-ga-x86_64.msi", "rhev-qga64.msi"],
        [TargetArchitecture.Arm64] = ["qemu-ga-arm64.msi", "qemu-ga-aarch64.msi"],
    };

    /// <summary>Windows 10 1607 and Server 2016 were the first that with Secure Boot load no driver that only its vendor signed.</summary>
    private static readonly Version s_firstWithMicrosoftOnly = new(10, 0, 14393);

    private readonly DriverLibrary _library;
    private readonly TargetSystem _target;
    private readonly bool _hasSha2;
    private readonly List<string> _warnings = [];

    private DriverSelector(DriverLibrary library, TargetSystem target, bool hasSha2) => (_library, _target, _hasSha2) = (library, target, hasSha2);

    /// <summary>Makes the choice.</summary>
    /// <param name="library">What there is.</param>
    /// <param name="target">The guest's Windows.</param>
    /// <param name="installed">Drivers that the guest has; see <see cref="InstalledDrivers.Read"/>.</param>
    /// <param name="hasSha2">False if the guest cannot verify SHA-2 signatures; see <see cref="Sha2Support.Has"/>.</param>
    internal static DriverSelection Select(DriverLibrary library, TargetSystem target, IReadOnlyList<InstalledDriver> installed, bool hasSha2) =>
        new DriverSelector(library, target, hasSha2).Select(installed);

    private DriverSelection Select(IReadOnlyList<InstalledDriver> installed)
    {
        DriverCandidate[] chosen =
        [
            .. Candidates().GroupBy(c => c.Device, StringComparer.OrdinalIgnoreCase).Select(Best).OfType<DriverCandidate>()
                .OrderBy(c => c.Kind).ThenBy(c => c.Package.Name, StringComparer.OrdinalIgnoreCase),
        ];
        DriverChoice[] choices = [.. chosen.Select(c => c.Choose(installed.Where(i => i.IsFor(c.Device) && i.IsAtLeast(c.Package)).MaxBy(i => i.Package.DriverVer)))];
        LibraryFile[] agents = [.. Agents()];
        WarnOfAge(chosen);
        WarnOfSignatures(chosen);
        WarnOfMissing(choices, agents);
        return new DriverSelection
        {
            Target = _target,
            Drivers = choices,
            AgentInstallers = agents,
            BalloonService = chosen.FirstOrDefault(c => c.Kind == DriverKind.Balloon)?.Beside(BalloonServiceName),
            Warnings = _warnings,
        };
    }

    private IEnumerable<DriverCandidate> Candidates()
    {
        foreach (string path in _library.Files.Where(MayBeDriver).Order(StringComparer.OrdinalIgnoreCase))
        {
            DriverCandidate? candidate = null;
            try
            {
                candidate = DriverCandidate.Read(_library, path, _target);
            }
            catch (V2VException e) when (e.ErrorId is "InfInvalid" or "InfTooLarge" or "DriverLibraryTooLarge")
            {
                _warnings.Add($"The driver {path} is left out: {e.Message}");
            }

            if (candidate is not null && DriverRank.Of(candidate, _target) is not null)
            {
                yield return candidate;
            }
        }
    }

    private bool MayBeDriver(string path)
    {
        if (!path.EndsWith(".inf", StringComparison.OrdinalIgnoreCase) || path.EndsWith(ExcludedInf, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        string[] folders = path.Split('/')[..^1];
        TargetArchitecture? architecture = folders.Select(f => ArchitectureOf(f)).FirstOrDefault(a => a is not null);
        return (architecture is null || architecture == _target.Architecture)
            && !folders.Contains(ExcludedFolder, StringComparer.OrdinalIgnoreCase)
            && (WindowsFolder.Of(path)?.SuitsOlder(_target.Version) ?? true);
    }

    private static TargetArchitecture? ArchitectureOf(string folder) => folder.ToUpperInvariant() switch
    {
        "X86" or "I386" => TargetArchitecture.X86,
        "AMD64" or "X64" or "X86_64" => TargetArchitecture.Amd64,
        "ARM64" or "AARCH64" => TargetArchitecture.Arm64,
        _ => null,
    };

    /// <summary>The best of the candidates for one device that can be used; null if none can.</summary>
    private DriverCandidate? Best(IEnumerable<DriverCandidate> candidates)
    {
        string? fault = null;
        IEnumerable<DriverCandidate> ordered = candidates
            .OrderByDescending(c => _hasSha2 || c.IsSha1)
            .ThenByDescending(c => DriverRank.Of(c, _target))
            .ThenByDescending(c => c.Paths.Count > 1)
            .ThenByDescending(c => c.Package.DriverVer)
            .ThenBy(c => (uint)Array.IndexOf(s_preferredNames, c.Package.Name.ToLowerInvariant()))
            .ThenBy(c => c.Path.Length);
        foreach (DriverCandidate candidate in ordered)
        {
            if (candidate.Fault() is not { } why)
            {
                return candidate;
            }

            fault ??= why;
        }

        _warnings.Add($"There is no driver for {candidates.First().Device}: {fault}.");
        return null;
    }

    private IEnumerable<LibraryFile> Agents()
    {
        string[] names = s_agents.GetValueOrDefault(_target.Architecture) ?? [];
        return _library.Files
            .Select(p => (Path: p, Name: p[(p.LastIndexOf('/') + 1)..]))
            .Where(f => names.Contains(f.Name, StringComparer.OrdinalIgnoreCase))
            .OrderBy(f => f.Path, StringComparer.OrdinalIgnoreCase)
            .DistinctBy(f => f.Name, StringComparer.OrdinalIgnoreCase)
            .Select(f => new LibraryFile(f.Name, f.Path, () => _library.OpenRead(f.Path)));
    }

    private void WarnOfAge(IEnumerable<DriverCandidate> chosen)
    {
        WindowsFolder? own = WindowsFolder.For(_target);
        foreach (IGrouping<WindowsFolder, DriverCandidate> older in chosen.Where(c => c.Folder is not null && c.Folder != own).GroupBy(c => c.Folder!))
        {
            string names = string.Join(", ", older.Select(c => c.Package.Name));
            _warnings.Add($"{_library.Name} has no {own?.Name ?? "own"} drivers for this Windows for: {names}. The nearest older ones, {older.Key.Name}, are used.");
        }
    }

    private void WarnOfSignatures(DriverCandidate[] chosen)
    {
        string[] foreign = [.. chosen.Where(c => c.Signature is { IsMicrosoft: false }).Select(c => c.Package.Name)];
        if (foreign.Length > 0 && _target.Version >= s_firstWithMicrosoftOnly)
        {
            _warnings.Add($"With Secure Boot this Windows loads only what Microsoft has signed, which these drivers are not: {string.Join(", ", foreign)}. Switch Secure Boot off, or use a virtio-win whose drivers are.");
        }

        if (!_hasSha2 && string.Join(", ", chosen.Where(c => !c.IsSha1).Select(c => c.Package.Name)) is { Length: > 0 } names)
        {
            string advice = _target.Version >= new Version(6, 1)
                ? "Install KB4474419 in the guest before the conversion"
                : "Use an older virtio-win whose drivers are signed with SHA-1";
            _warnings.Add($"This Windows cannot verify signatures with SHA-2, which these drivers have: {names}. {advice}.");
        }
    }

    private void WarnOfMissing(DriverChoice[] choices, LibraryFile[] agents)
    {
        if (!choices.Any(c => c.Kind is DriverKind.Block or DriverKind.Scsi))
        {
            _warnings.Add($"{_library.Name} has no virtio storage driver for this Windows.");
        }

        if (!choices.Any(c => c.Kind == DriverKind.Network))
        {
            _warnings.Add($"{_library.Name} has no virtio network driver for this Windows.");
        }

        if (agents.Length == 0)
        {
            _warnings.Add($"{_library.Name} has no installer of qemu-guest-agent for this Windows.");
        }
    }
}
