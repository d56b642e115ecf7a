using System.Diagnostics;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Working;

public sealed class WorkAreaTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void An_area_is_private_and_goes_with_all_it_holds()
    {
        string area = WorkArea.Create(_root.Path);
        Assert.Contains(area, WorkArea.Active);
        Assert.True(WorkArea.IsWorkArea(area));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(area));
        }

        Directory.CreateDirectory(Path.Combine(area, "a", "b"));
        File.WriteAllText(Path.Combine(area, "a", "b", "c"), "x");
        WorkArea.Delete(area);
        Assert.False(Directory.Exists(area));
        Assert.DoesNotContain(area, WorkArea.Active);
        WorkArea.Delete(area);
    }

    [Fact]
    public void Two_areas_differ_and_a_missing_root_is_made()
    {
        string first = WorkArea.Create(_root.File("new"));
        string second = WorkArea.Create(_root.File("new"));
        Assert.NotEqual(first, second);
        WorkArea.Delete(first);
        WorkArea.Delete(second);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("v2v-mine")]
    public void What_is_no_area_is_not_deleted(string name)
    {
        string folder = Directory.CreateDirectory(_root.File(name)).FullName;
        File.WriteAllText(Path.Combine(folder, "owner"), "somebody");
        V2VException error = Assert.Throws<V2VException>(() => WorkArea.Delete(folder));
        Assert.Equal("WorkAreaInvalid", error.ErrorId);
        Assert.True(Directory.Exists(folder));
    }

    [Fact]
    public void Links_in_an_area_are_removed_and_not_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege");
        string precious = Directory.CreateDirectory(_root.File("precious")).FullName;
        File.WriteAllText(Path.Combine(precious, "file"), "x");
        string area = WorkArea.Create(_root.Path);
        Directory.CreateSymbolicLink(Path.Combine(area, "link"), precious);
        Directory.CreateDirectory(Path.Combine(area, "deep"));
        Directory.CreateSymbolicLink(Path.Combine(area, "deep", "link"), precious);
        WorkArea.Delete(area);
        Assert.True(File.Exists(Path.Combine(precious, "file")));

        string link = _root.File("v2v-link");
        Directory.CreateSymbolicLink(link, WorkArea.Create(_root.Path));
        Assert.Equal("WorkAreaInvalid", Assert.Throws<V2VException>(() => WorkArea.Delete(link)).ErrorId);
    }

    [Fact]
    public void The_areas_of_a_dead_process_are_swept_and_others_stay()
    {
        string mine = WorkArea.Create(_root.Path);
        string owner = File.ReadAllText(Path.Combine(mine, "owner"));
        string[] lines = owner.Split('\n');

        string dead = Imitate("v2v-dead", [lines[0], FreeProcessId(), lines[2], lines[3]]);
        string reused = Imitate("v2v-reused", [lines[0], lines[1], OtherStart(lines[2]), lines[3]]);
        string elsewhere = Imitate("v2v-elsewhere", [lines[0], FreeProcessId(), lines[2], "another-host"]);
        string foreign = Directory.CreateDirectory(_root.File("v2v-foreign")).FullName;
        string fresh = MakePrivate("v2v-0123456789abcdef01234567.new");
        string old = MakePrivate("v2v-0123456789abcdef0123456a.new");
        Directory.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-2));

        Assert.Equal(3, WorkArea.Sweep(_root.Path));
        Assert.False(Directory.Exists(dead));
        Assert.False(Directory.Exists(reused));
        Assert.False(Directory.Exists(old));
        Assert.True(Directory.Exists(mine));
        Assert.True(Directory.Exists(elsewhere));
        Assert.True(Directory.Exists(foreign));
        Assert.True(Directory.Exists(fresh));
        WorkArea.Delete(mine);
    }

    [Fact]
    public void Sweeping_leaves_what_others_can_write()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix permissions");
            return;
        }

        string mine = WorkArea.Create(_root.Path);
        string[] lines = File.ReadAllText(Path.Combine(mine, "owner")).Split('\n');
        string open = Imitate("v2v-open", [lines[0], FreeProcessId(), lines[2], lines[3]]);
        File.SetUnixFileMode(open, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);
        Assert.Equal(0, WorkArea.Sweep(_root.Path));
        Assert.True(Directory.Exists(open));
        WorkArea.Delete(mine);
    }

    [Fact]
    public void Sweeping_as_root_leaves_what_belongs_to_somebody_else()
    {
        Tool.RequireRoot();
        string mine = WorkArea.Create(_root.Path);
        string[] lines = File.ReadAllText(Path.Combine(mine, "owner")).Split('\n');
        string theirs = Imitate("v2v-theirs", [lines[0], FreeProcessId(), lines[2], lines[3]]);
        Tool.Run("chown", "-R", "nobody", theirs);
        Assert.Equal(0, WorkArea.Sweep(_root.Path));
        Assert.True(Directory.Exists(theirs));
        WorkArea.Delete(mine);
    }

    [Fact]
    public void A_shared_area_goes_with_the_last_that_shares_it()
    {
        string area = WorkArea.Create(_root.Path);
        string first = WorkArea.CreateShare(area);
        string second = WorkArea.CreateShare(area);
        WorkArea.Delete(first);
        Assert.True(WorkArea.IsWorkArea(area));
        WorkArea.Delete(second);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_root.Path));
    }

    [Fact]
    public void The_first_area_in_a_folder_sweeps_it()
    {
        string[] lines = File.ReadAllText(Path.Combine(WorkArea.Create(_root.File("other")), "owner")).Split('\n');
        string dead = Imitate("v2v-dead", [lines[0], FreeProcessId(), lines[2], lines[3]]);
        WorkArea.Delete(WorkArea.Create(_root.Path));
        Assert.False(Directory.Exists(dead));
    }

    [Fact]
    public void An_impossible_root_is_named()
    {
        File.WriteAllText(_root.File("file"), "");
        Assert.Equal("WorkAreaFailed", Assert.Throws<V2VException>(() => WorkArea.Create(_root.File("file"))).ErrorId);
        Assert.Equal(0, WorkArea.Sweep(_root.File("missing")));
    }

    private static string FreeProcessId()
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", "--version") { RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string OtherStart(string start) => start[..(start.LastIndexOf(' ') + 1)] + "12345";

    private string Imitate(string name, string[] owner)
    {
        string path = MakePrivate(name);
        File.WriteAllText(Path.Combine(path, "owner"), string.Join('\n', owner) + "\n");
        return path;
    }

    private string MakePrivate(string name) =>
        OperatingSystem.IsWindows()
            ? Directory.CreateDirectory(_root.File(name)).FullName
            : Directory.CreateDirectory(_root.File(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
}
