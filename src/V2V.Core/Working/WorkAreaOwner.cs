using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace V2V.Core.Working;

/// <summary>
/// The process that a work area belongs to. A process ID alone says little, as the system gives it out again: the start of the
/// process belongs to it, on Linux as the kernel counts it (boot, process namespace, clock ticks), which no change of the clock moves.
/// </summary>
/// <param name="ProcessId">Process ID.</param>
/// <param name="Start">When it began: <c>linux boot namespace ticks</c> or <c>utc ticks</c>.</param>
/// <param name="Host">Name of the host.</param>
internal sealed record WorkAreaOwner(int ProcessId, string Start, string Host)
{
    public const int MaximumLength = 1024;

    /// <summary>Lines of <see cref="ToText"/>.</summary>
    public const int LineCount = 4;

    private const string Magic = "V2V work area 1";

    public static WorkAreaOwner Current { get; } =
        new(Environment.ProcessId, GetStart(Environment.ProcessId) ?? "unknown", Environment.MachineName);

    public static WorkAreaOwner? Parse(string text)
    {
        string[] lines = text.Split('\n');
        return lines.Length >= LineCount && lines[0] == Magic && int.TryParse(lines[1], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            ? new WorkAreaOwner(id, lines[2], lines[3])
            : null;
    }

    public string ToText() => string.Create(CultureInfo.InvariantCulture, $"{Magic}\n{ProcessId}\n{Start}\n{Host}\n");

    /// <summary>True if it is certain that the process no longer runs.</summary>
    public bool IsGone()
    {
        if (!string.Equals(Host, Environment.MachineName, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        string[] mine = Current.Start.Split(' ');
        string[] theirs = Start.Split(' ');
        if (mine.Length != theirs.Length || mine[0] != theirs[0])
        {
            return false;
        }

        if (mine is ["linux", _, _, _])
        {
            // Another boot: gone. Another namespace of this boot (a container): its processes cannot be seen from here.
            return theirs[1] != mine[1] || (theirs[2] == mine[2] && GetStart(ProcessId) != Start);
        }

        return mine[0] == "utc" && !IsSameTime(theirs[1], GetStart(ProcessId));
    }

    private static bool IsSameTime(string ticks, string? start) =>
        start is not null
        && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out long first)
        && long.TryParse(start.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out long second)
        && Math.Abs(first - second) < 2 * TimeSpan.TicksPerSecond;

    /// <summary>When a process began, or null if there is none.</summary>
    private static string? GetStart(int processId)
    {
        if (OperatingSystem.IsLinux())
        {
            return GetLinuxStart(processId);
        }

        try
        {
            using Process process = Process.GetProcessById(processId);
            return string.Create(CultureInfo.InvariantCulture, $"utc {process.StartTime.ToUniversalTime().Ticks}");
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return null;
        }
        catch (Win32Exception)
        {
            // A process of somebody else: it cannot be asked, and cannot be the owner of an area of this user.
            return null;
        }
    }

    private static string? GetLinuxStart(int processId)
    {
        try
        {
            // proc(5): the name in parentheses may hold blanks and parentheses; the start time is field 22, so the 20th after it.
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            string space = new FileInfo("/proc/self/ns/pid").LinkTarget ?? "-";
            return fields.Length > 19 ? $"linux {boot} {space} {fields[19]}" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
