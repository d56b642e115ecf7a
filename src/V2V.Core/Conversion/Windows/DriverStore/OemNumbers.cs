using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Registry;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>
/// Numbers of published packages (INF\oemNN.inf). Taken is what is there as a file, what a driver database names, and what the bit map of Windows says (OemInfMap,
/// the highest bit of the first byte being oem0.inf).
/// </summary>
internal sealed class OemNumbers
{
    private const int MaxNumber = 65_536;
    private const string Map = "OemInfMap";
    private const string Reason = "Windows marks the numbers of published driver packages.";

    private readonly WindowsGuest _windows;
    private readonly IReadOnlyList<string> _databases;
    private readonly HashSet<int> _taken = [];

    /// <param name="context">The guest.</param>
    /// <param name="databases">Its driver databases: <c>SYSTEM\DriverDatabase</c>.</param>
    internal OemNumbers(ConversionContext context, IReadOnlyList<string> databases)
    {
        _windows = context.Windows;
        _databases = databases;
        string folder = _windows.Path("INF");
        IEnumerable<string> names = context.Tree.DirectoryExists(folder) ? context.Tree.EnumerateDirectory(folder).Select(e => e.Name) : [];
        foreach (string database in databases)
        {
            names = names.Concat(_windows.Registry.Find(database + @"\DriverInfFiles")?.Subkeys.Select(k => k.Name) ?? []);
            ReadMap(database);
        }

        foreach (string name in names.Where(PublishedPackages.IsPublished))
        {
            if (int.TryParse(name.AsSpan(3, name.Length - 7), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int number))
            {
                _taken.Add(number);
            }
        }
    }

    /// <summary>Takes the lowest free number.</summary>
    /// <returns>The name of the INF file: <c>oem12.inf</c>.</returns>
    /// <exception cref="V2VException"><c>DriverNumbersExhausted</c>.</exception>
    internal string Take()
    {
        int number = Enumerable.Range(0, MaxNumber).FirstOrDefault(n => !_taken.Contains(n), -1);
        if (number < 0)
        {
            throw new V2VException(
                "DriverNumbersExhausted", V2VErrorKind.Limit, "Windows has no number left for another driver package (INF\\oemNN.inf).", _databases.Count > 0 ? _databases[0] : _windows.Path("INF"),
                "Delete driver packages that nothing uses in the guest (pnputil -d) and export it again.");
        }

        _taken.Add(number);
        foreach (string database in _databases)
        {
            if (_windows.Registry.Find(database)?.GetValue(Map) is { } before)
            {
                byte[] map = before.Data.Length > number / 8 ? before.Data.ToArray() : [.. before.Data, .. new byte[(number / 8) + 1 - before.Data.Length]];
                map[number / 8] |= (byte)(0x80 >> (number % 8));
                _windows.Registry.Set(database, Map, before.Type, map, Reason);
            }
        }

        return FormattableString.Invariant($"oem{number}.inf");
    }

    private void ReadMap(string database)
    {
        byte[] map = _windows.Registry.Find(database)?.GetValue(Map)?.Data ?? [];
        for (int number = 0; number < Math.Min(map.Length * 8, MaxNumber); number++)
        {
            if ((map[number / 8] & (0x80 >> (number % 8))) != 0)
            {
                _taken.Add(number);
            }
        }
    }
}
