using System.Diagnostics;
using Xunit;

namespace V2V.Testing;

/// <summary>
/// External programs that judge our output. A test that needs one that is missing is skipped by name; with V2V_CI=1 (set by
/// .ci/run, which installs them all) a missing program fails the test.
/// </summary>
public static class Tool
{
    private static readonly string[] s_extraDirectories = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/wine"];

    /// <summary>True if CI runs the tests and nothing may be skipped.</summary>
    public static bool IsCi => Environment.GetEnvironmentVariable("V2V_CI") == "1";

    /// <summary>Skips the running test unless every program is there.</summary>
    public static void Require(params string[] programs)
    {
        foreach (string program in programs)
        {
            if (Find(program) is null)
            {
                Missing($"{program} is not installed");
            }
        }
    }

    /// <summary>Skips the running test unless it runs as root on Linux with loop devices.</summary>
    public static void RequireRoot()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            Missing("needs root (loop mounts)");
        }
    }

    /// <summary>Skips the running test, or fails it in CI.</summary>
    public static void Missing(string reason)
    {
        if (IsCi)
        {
            Assert.Fail($"In CI nothing is skipped: {reason}.");
        }

        Assert.Skip(reason);
    }

    /// <summary>The path of a program, or null.</summary>
    public static string? Find(string program) => Directories().Select(d => Path.Combine(d, OperatingSystem.IsWindows() ? program + ".exe" : program)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program and returns its exit code and everything it printed. The programs that it runs are looked for where <see cref="Find"/> looks.</summary>
    public static (int ExitCode, string Output) TryRun(string program, params string[] arguments)
    {
        Require(program);
        var start = new ProcessStartInfo(Find(program)!, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        if (!OperatingSystem.IsWindows())
        {
            start.Environment["PATH"] = string.Join(Path.PathSeparator, Directories());
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    /// <summary>Runs a program that must succeed and returns what it printed.</summary>
    public static string Run(string program, params string[] arguments)
    {
        (int exitCode, string output) = TryRun(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} exited with {exitCode}:\n{output}");
        return output;
    }

    /// <summary>PATH, and the folders of administrators' programs, which other users mostly lack.</summary>
    private static IEnumerable<string> Directories() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(s_extraDirectories);
}
