using V2V.Core.Conversion.Windows.Settings;

namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>Puts back what Windows does with new disks, once all of the machine's have been met.</summary>
internal static class DiskPolicyScript
{
    /// <summary>The script; null if nothing was changed.</summary>
    internal static FirstBootScript? Make(SanPolicy? policy)
    {
        const string Key = $@"HKLM\SYSTEM\CurrentControlSet\{SanPolicy.Key}";
        return policy is null ? null : new FirstBootScript(8000, "disk-policy", $"""
            @echo off
            {(policy.Before is { } before
                ? FormattableString.Invariant($"reg add \"{Key}\" /v {SanPolicy.Value} /t REG_DWORD /d {before} /f")
                : $"reg delete \"{Key}\" /v {SanPolicy.Value} /f")}
            exit /b 0

            """);
    }
}
