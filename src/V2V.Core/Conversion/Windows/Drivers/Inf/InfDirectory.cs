using System.Globalization;
using System.Text;

namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>The directories that INF files name by number ("Using Dirids").</summary>
internal static class InfDirectory
{
    /// <summary>The drivers' folder below the system folder.</summary>
    internal const int Drivers = 12;

    /// <summary>The folder of the package in the driver store: what is copied there is not copied anywhere else.</summary>
    internal const int DriverStore = 13;

    private static readonly Dictionary<int, string> s_paths = new()
    {
        [10] = @"%SystemRoot%",
        [11] = @"%SystemRoot%\System32",
        [12] = @"%SystemRoot%\System32\drivers",
        [17] = @"%SystemRoot%\INF",
        [18] = @"%SystemRoot%\Help",
        [20] = @"%SystemRoot%\Fonts",
        [21] = @"%SystemRoot%\System32\viewers",
        [23] = @"%SystemRoot%\System32\spool\drivers\color",
        [24] = @"%SystemDrive%",
        [25] = @"%SystemRoot%",
        [30] = @"%SystemDrive%",
        [50] = @"%SystemRoot%\System",
        [51] = @"%SystemRoot%\System32\spool",
        [52] = @"%SystemRoot%\System32\spool\drivers",
        [54] = @"%SystemDrive%",
        [16422] = @"%ProgramFiles%",
        [16425] = @"%SystemRoot%\SysWOW64",
        [16426] = @"%ProgramFiles(x86)%",
        [16427] = @"%CommonProgramFiles%",
        [16428] = @"%CommonProgramFiles(x86)%",
    };

    /// <summary>The path of a directory with Windows' variables (<c>%SystemRoot%\System32\drivers</c>); null if it is unknown, or <see cref="DriverStore"/>.</summary>
    internal static string? Path(int id) => s_paths.GetValueOrDefault(id);

    /// <summary>Puts the directories into a text: <c>%12%\viostor.sys</c> becomes <c>%SystemRoot%\System32\drivers\viostor.sys</c>.</summary>
    /// <param name="text">The text; numbers of unknown directories stay.</param>
    /// <param name="driverStore">What stands for <c>%13%</c>: the package's folder in the driver store.</param>
    internal static string Expand(string text, string driverStore)
    {
        var result = new StringBuilder();
        int copied = 0;
        for (int start = text.IndexOf('%', StringComparison.Ordinal); start >= 0 && text.IndexOf('%', start + 1) is var end and > 0;)
        {
            string? path = int.TryParse(text.AsSpan(start + 1, end - start - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                ? id == DriverStore ? driverStore : Path(id)
                : null;
            if (path is null)
            {
                start = end;
                continue;
            }

            result.Append(text, copied, start - copied).Append(path);
            copied = end + 1;
            start = text.IndexOf('%', copied);
        }

        return result.Append(text, copied, text.Length - copied).ToString();
    }
}
