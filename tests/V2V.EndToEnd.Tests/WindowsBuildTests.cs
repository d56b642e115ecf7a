using V2V.Testing;
using Xunit;

namespace V2V.EndToEnd;

/// <summary>The main job by the win-x64 build, PowerShell engine included, under wine: Windows paths, Windows file calls.</summary>
[Collection(BiosGuest.Collection)]
public sealed class WindowsBuildTests(BiosGuest guest)
{
    [Fact]
    public void The_win_x64_build_converts_the_same_guest()
    {
        Tool.Require("wine64");
        DebianGuest debian = guest.Debian;
        debian.Build();
        string application = debian.File("win-x64");
        Tool.Run(
            "dotnet", "publish", "-c", "Release", "-r", "win-x64", "--self-contained", "-v", "q", "-nologo", "-o", application,
            Path.Combine(Repository.Root, "src", "V2V.Shell"));
        string work = Directory.CreateDirectory(debian.File("wine work")).FullName;
        string output = debian.File("wine out");
        string log = Wine(
            debian.File("wine prefix"),
            Path.Combine(application, "v2v.exe"),
            $"Import-V2VSource -Ova {V2VHost.Quote(OnWindows(debian.Ova))} | Convert-V2VGuest -WorkingDirectory {V2VHost.Quote(OnWindows(work))} | Export-V2VDisk -Local {V2VHost.Quote(OnWindows(output))}");
        string disk = Directory.GetFiles(output).Single(f => !f.EndsWith(".xml", StringComparison.Ordinal));
        Tool.Run("qemu-img", "check", disk);
        Assert.Empty(Directory.GetFileSystemEntries(work));
        Assert.Equal(debian.OvaDigest, OvaPacker.Digest(debian.Ova));

        // What the converted guest does once it runs, the first boot above all, is the same as in the other tests.
        GuestReport report = debian.Boot([disk], "qcow2", "virtio-blk", "--until", "login:");
        Assert.True(report.Console.Contains("login:", StringComparison.Ordinal), report + log);
    }

    /// <summary>wine shows the host's files on drive Z.</summary>
    private static string OnWindows(string path) => "Z:" + path.Replace('/', '\\');

    // wine 8 does not double-map memory as .NET's W^X wants it; Windows does.
    private static string Wine(string prefix, string program, string script) =>
        Tool.Run(
            "env", "WINEPREFIX=" + prefix, "WINEDEBUG=-all", "DOTNET_EnableWriteXorExecute=0", Tool.Find("wine64")!, program, "-Command", script);
}
