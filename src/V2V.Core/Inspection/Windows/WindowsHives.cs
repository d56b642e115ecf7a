using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Registry;
using V2V.Registry.Logs;
using V2V.Storage;

namespace V2V.Core.Inspection.Windows;

/// <summary>The guest's SYSTEM and SOFTWARE hives, completed from their logs, open for as long as the object lives.</summary>
internal sealed class WindowsHives : IDisposable
{
    /// <summary>The control set that Windows last ran with, the one that it starts next, and the one that it falls back on.</summary>
    private static readonly string[] s_selections = ["Current", "Default", "LastKnownGood"];

    private readonly List<Stream> _streams = [];
    private readonly InspectionContext _context;

    /// <param name="context">The guest's tree, and where to warn.</param>
    /// <param name="systemRoot">Path of the Windows folder.</param>
    public WindowsHives(InspectionContext context, string systemRoot)
    {
        _context = context;
        System = Open(systemRoot + "/system32/config/system");
        Software = Open(systemRoot + "/system32/config/software");
        ControlSet = s_selections.Select(name => Read(() => FindControlSet(name))).FirstOrDefault(set => set is not null) ?? "ControlSet001";
    }

    /// <summary>HKEY_LOCAL_MACHINE\SYSTEM; null if it is missing or damaged.</summary>
    public RegistryHive? System { get; }

    /// <summary>HKEY_LOCAL_MACHINE\SOFTWARE; null if it is missing or damaged.</summary>
    public RegistryHive? Software { get; }

    /// <summary>The control set that the guest ran with, or, where that is missing, would start.</summary>
    public string ControlSet { get; }

    /// <summary>True if one of them was left in the middle of a write and cannot be mended.</summary>
    public bool IsDirty => System?.Recovery.State == HiveState.Dirty || Software?.Recovery.State == HiveState.Dirty;

    /// <summary>A key of the current control set; null if it is not there.</summary>
    public RegistryKey? Current(string path) => Read(() => System?.Find(ControlSet + "\\" + path));

    /// <summary>A key of SOFTWARE; null if it is not there.</summary>
    public RegistryKey? Get(string path) => Read(() => Software?.Find(path));

    /// <summary>Reads something; what is damaged is warned of and left out.</summary>
    public T? Read<T>(Func<T?> read)
    {
        try
        {
            return read();
        }
        catch (V2VException e)
        {
            _context.Warn($"The registry was not read completely: {e.Target}: {e.Message}");
            return default;
        }
    }

    public void Dispose() => _streams.ForEach(s => s.Dispose());

    private string? FindControlSet(string selection) =>
        System?.Find("Select")?.GetNumber(selection) is { } number and < 1000 && FormattableString.Invariant($"ControlSet{number:000}") is var set && System.Find(set) is not null ? set : null;

    private RegistryHive? Open(string path)
    {
        return Read(() =>
        {
            if (!_context.Tree.FileExists(path))
            {
                _context.Warn($"The guest has no {path}.");
                return null;
            }

            return RegistryHive.Open(Stream(path), path, [.. ((string[])[".log", ".log1", ".log2"]).Select(l => path + l).Where(_context.Tree.FileExists).Select(Stream)]);
        });
    }

    private Stream Stream(string path)
    {
        Stream stream = _context.Tree.OpenRead(path);
        _streams.Add(stream);
        return stream;
    }
}
