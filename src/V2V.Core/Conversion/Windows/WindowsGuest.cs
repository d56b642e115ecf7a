using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.Drivers.Library;
using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Core.Conversion.Windows.Settings;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Windows.Network;

namespace V2V.Core.Conversion.Windows;

/// <summary>What the steps of the conversion of a Windows guest share.</summary>
internal sealed class WindowsGuest : IDisposable
{
    private readonly GuestEditor _editor;
    private IReadOnlyList<string>? _controlSets;
    private DriverLibrary? _library;

    internal WindowsGuest(WindowsInfo info, GuestEditor editor)
    {
        Info = info;
        _editor = editor;
        Registry = new RegistryEditor(editor, info.SystemRoot);
    }

    /// <summary>What the inspection found.</summary>
    internal WindowsInfo Info { get; }

    /// <summary>The guest's registry, for reading and for every change.</summary>
    internal RegistryEditor Registry { get; }

    /// <summary>The control sets that Windows may start with: the current one, the default, and the last that worked; without repeats.</summary>
    internal IReadOnlyList<string> ControlSets => _controlSets ??= FindControlSets();

    /// <summary>The virtio drivers that the guest gets; null without a library to choose from.</summary>
    internal DriverSelection? Drivers { get; private set; }

    /// <summary>The old hypervisor's additions, which the first boot removes.</summary>
    internal List<AdditionsFound> Additions { get; } = [];

    /// <summary>What the old machine's connections were set to, which the first boot gives to the new cards.</summary>
    internal List<NetworkSettings> Networks { get; } = [];

    /// <summary>INF files of the packages that were put into the driver store offline: Windows finds them for their devices without pnputil.</summary>
    internal List<string> StagedPackages { get; } = [];

    /// <summary>What new disks do at the first boot, and what the first boot puts back.</summary>
    internal SanPolicy? SanPolicy { get; set; }

    /// <summary>The drive of Windows, as the guest writes it: <c>C:</c>.</summary>
    internal string SystemDrive =>
        Registry.Software.Find(@"Microsoft\Windows NT\CurrentVersion")?.GetText("SystemRoot") is { Length: > 2 } root && char.IsAsciiLetter(root[0]) && root[1] == ':' ? root[..2] : "C:";

    /// <summary>Path in the guest's tree of a file in the folder of Windows.</summary>
    /// <param name="path">The path below the folder: <c>System32/drivers/viostor.sys</c>.</param>
    internal string Path(string path) => Info.SystemRoot + "/" + path;

    /// <summary>True if a file in the folder of Windows is there.</summary>
    internal bool HasFile(string path) => _editor.Tree.FileExists(Path(path));

    /// <summary>Takes the drivers, and the library that their files are read from, until the conversion ends.</summary>
    internal void Use(DriverSelection drivers, DriverLibrary library) => (Drivers, _library) = (drivers, library);

    public void Dispose()
    {
        Registry.Dispose();
        _library?.Dispose();
    }

    private List<string> FindControlSets()
    {
        List<string> sets = [Info.ControlSet];
        foreach (string name in (string[])["Default", "LastKnownGood"])
        {
            if (Registry.System.Find("Select")?.GetNumber(name) is { } number and > 0 and < 1000
                && FormattableString.Invariant($"ControlSet{number:000}") is { } set && !sets.Contains(set) && Registry.System.Find(set) is not null)
            {
                sets.Add(set);
            }
        }

        return sets;
    }
}
