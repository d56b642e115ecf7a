using V2V.Testing;

namespace V2V.Core.Tests.GuestConversion.Windows.FirstBoot;

/// <summary>A Windows of wine's, made once for a class of tests.</summary>
public sealed class WinePrefix : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private bool _isMade;

    /// <summary>A folder of programs that come before wine's own.</summary>
    internal string Programs => Path.Combine(_directory.Path, "programs");

    /// <summary>A file below C:\windows, as the host sees it.</summary>
    internal string Windows(string path) => _directory.File("prefix/drive_c/windows/" + path);

    /// <summary>Makes the prefix if it is not there, and leaves no programs in the folder.</summary>
    internal void Clear()
    {
        Tool.Require("wine64");
        if (!_isMade)
        {
            Run("exit 0");
            _isMade = true;
        }

        if (Directory.Exists(Programs))
        {
            Directory.Delete(Programs, recursive: true);
        }

        Directory.CreateDirectory(Programs);
    }

    /// <summary>Runs a line of cmd.exe's.</summary>
    internal void Run(string command) =>
        Tool.Run("env", "WINEPREFIX=" + _directory.File("prefix"), "WINEDEBUG=-all", Tool.Find("wine64")!, "cmd", "/d", "/c", command);

    public void Dispose() => _directory.Dispose();
}
