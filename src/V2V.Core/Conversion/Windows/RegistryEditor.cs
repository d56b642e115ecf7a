using System.Globalization;
using V2V.Registry;

namespace V2V.Core.Conversion.Windows;

/// <summary>
/// The only way in which a conversion changes a Windows guest's registry: each operation changes a hive in memory and notes a
/// <see cref="GuestChange"/>; <see cref="Save"/> writes the hives back. What would change nothing is not noted.
/// </summary>
internal sealed class RegistryEditor : IDisposable
{
    private readonly GuestEditor _editor;
    private readonly string _folder;
    private readonly Dictionary<string, (RegistryHive Hive, string Path)> _hives = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Stream> _streams = [];

    /// <param name="editor">The guest's files.</param>
    /// <param name="systemRoot">Path of the folder of Windows.</param>
    internal RegistryEditor(GuestEditor editor, string systemRoot)
    {
        _editor = editor;
        _folder = systemRoot + "/system32/config/";
    }

    /// <summary>HKEY_LOCAL_MACHINE\SYSTEM.</summary>
    /// <exception cref="Storage.V2VException"><c>GuestFileNotFound</c>, or what is wrong with the hive.</exception>
    internal RegistryHive System => Hive("SYSTEM");

    /// <summary>HKEY_LOCAL_MACHINE\SOFTWARE.</summary>
    /// <exception cref="Storage.V2VException"><c>GuestFileNotFound</c>, or what is wrong with the hive.</exception>
    internal RegistryHive Software => Hive("SOFTWARE");

    /// <summary>A key, or null. The path begins with the hive: <c>SYSTEM\ControlSet001\Services</c>.</summary>
    internal RegistryKey? Find(string path) => Hive(HiveName(path)).Find(KeyPath(path));

    /// <summary>Makes a key, with those above it.</summary>
    internal void CreateKey(string path, string reason)
    {
        if (Find(path) is null)
        {
            Hive(HiveName(path)).Create(KeyPath(path));
            Note(path, null, GuestChangeKind.Create, reason, null, null);
        }
    }

    /// <summary>Deletes a key and all that is in it; nothing happens if it is not there.</summary>
    internal void DeleteKey(string path, string reason)
    {
        int end = path.LastIndexOf('\\');
        if (Find(path[..end]) is { } parent && parent.Delete(path[(end + 1)..]))
        {
            Note(path, null, GuestChangeKind.Delete, reason, null, null);
        }
    }

    /// <summary>Sets a text; the key is made if it is not there.</summary>
    internal void SetText(string path, string name, string text, string reason, RegistryValueType type = RegistryValueType.String) =>
        Set(path, name, type, RegistryValue.Encode(text), reason);

    /// <summary>Sets several texts; the key is made if it is not there.</summary>
    internal void SetTexts(string path, string name, IEnumerable<string> texts, string reason) =>
        Set(path, name, RegistryValueType.MultiString, RegistryValue.Encode(texts), reason);

    /// <summary>Sets a 32-bit number; the key is made if it is not there.</summary>
    internal void SetNumber(string path, string name, uint number, string reason) => Set(path, name, RegistryValueType.DWord, RegistryValue.Encode(number), reason);

    /// <summary>Sets a value of any type; the key is made if it is not there.</summary>
    internal void Set(string path, string name, RegistryValueType type, ReadOnlySpan<byte> data, string reason)
    {
        RegistryKey key = Hive(HiveName(path)).Create(KeyPath(path));
        RegistryValue? before = key.GetValue(name);
        if (before is not null && before.Type == type && data.SequenceEqual(before.Data))
        {
            return;
        }

        key.SetValue(name, type, data);
        Note(path, name, before is null ? GuestChangeKind.Create : GuestChangeKind.Edit, reason, before, new RegistryValue(name, type, data.ToArray()));
    }

    /// <summary>Deletes a value; nothing happens if it is not there.</summary>
    internal void DeleteValue(string path, string name, string reason)
    {
        if (Find(path) is { } key && key.GetValue(name) is { } before && key.DeleteValue(name))
        {
            Note(path, name, GuestChangeKind.Delete, reason, before, null);
        }
    }

    /// <summary>Writes the hives that changed. Windows no longer looks at their logs then, because the base block says that they are clean.</summary>
    internal void Save()
    {
        foreach ((RegistryHive hive, string path) in _hives.Values.Where(h => h.Hive.IsChanged))
        {
            using Stream target = _editor.Tree.OpenWrite(path);
            hive.Save(target);
        }
    }

    public void Dispose() => _streams.ForEach(s => s.Dispose());

    private RegistryHive Hive(string name)
    {
        if (!_hives.TryGetValue(name, out (RegistryHive Hive, string Path) opened))
        {
            string path = _folder + name;
            Stream[] logs = [.. ((string[])[".LOG", ".LOG1", ".LOG2"]).Select(l => path + l).Where(_editor.Tree.FileExists).Select(Open)];
            opened = (RegistryHive.Open(Open(path), path, logs), path);
            _hives.Add(name, opened);
        }

        return opened.Hive;
    }

    private Stream Open(string path)
    {
        Stream stream = _editor.Tree.OpenRead(path);
        _streams.Add(stream);
        return stream;
    }

    private static string HiveName(string path) => path.Split('\\')[0];

    private static string KeyPath(string path) => path[(HiveName(path).Length + 1)..];

    private void Note(string path, string? name, GuestChangeKind kind, string reason, RegistryValue? before, RegistryValue? after) =>
        _editor.NoteRegistry(@"HKLM\" + path + (name is null ? "" : @"\" + (name.Length == 0 ? "(default)" : name)), kind, reason, Describe(before), Describe(after));

    private static string? Describe(RegistryValue? value) => value switch
    {
        null => null,
        { Type: RegistryValueType.String or RegistryValueType.ExpandString or RegistryValueType.Link } => value.Text,
        { Type: RegistryValueType.MultiString } => string.Join('\n', value.Texts),
        { Number: { } number } => number.ToString(CultureInfo.InvariantCulture),
        _ => Convert.ToHexString(value.Data),
    };
}
