using System.Xml.Linq;
using V2V.Testing;

namespace V2V.EndToEnd;

/// <summary>Runs scripts in <c>v2v</c>, our console host, as a user does.</summary>
internal static class V2VHost
{
    private static readonly Lazy<string> s_project = new(() =>
    {
        string project = Path.Combine(Repository.Root, "src", "V2V.Shell");
        Tool.Run("dotnet", "build", "-c", "Release", "-v", "q", "-nologo", project);
        return project;
    });

    /// <summary>Runs a script that must succeed and returns what it printed.</summary>
    public static string Run(string script) =>
        Tool.Run("dotnet", "run", "-c", "Release", "--no-build", "--project", s_project.Value, "--", "-Command", script);

    /// <summary>Runs a script and returns its exit code and what it printed.</summary>
    public static (int ExitCode, string Output) TryRun(string script) =>
        Tool.TryRun("dotnet", "run", "-c", "Release", "--no-build", "--project", s_project.Value, "--", "-Command", script);

    /// <summary>The disks that the libvirt XML in a folder names, in its order.</summary>
    public static IReadOnlyList<string> DisksOf(string directory)
    {
        string xml = Directory.GetFiles(directory, "*.xml").Single();
        IEnumerable<XElement> disks = XDocument.Load(xml).Descendants("disk").Where(d => (string?)d.Attribute("device") == "disk");
        return [.. disks.Select(d => d.Element("source")!.Attribute("file")!.Value)];
    }

    /// <summary>A PowerShell literal.</summary>
    public static string Quote(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}
