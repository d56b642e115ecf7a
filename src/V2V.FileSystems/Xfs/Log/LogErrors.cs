using V2V.Storage;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>The log's own errors.</summary>
internal static class LogErrors
{
    private const string Advice = "Boot the guest once and shut it down cleanly, or run xfs_repair on the file system, and export it again.";

    public static V2VException Corrupt(FormattableString what) => new(
        "XfsLogCorrupt", V2VErrorKind.Corrupt, "The log of the XFS file system is damaged: " + FormattableString.Invariant(what) + ".", null, Advice);

    public static V2VException Unsupported(FormattableString what) =>
        V2VException.Unsupported("XfsLogUnsupported", "The dirty log of the XFS file system cannot be replayed: " + FormattableString.Invariant(what) + ".", null, Advice);

    /// <summary>A change in several steps was under way that cannot be finished here.</summary>
    public static V2VException Intent(string what) => V2VException.Unsupported(
        "XfsLogIntentUnsupported", $"The log of the XFS file system ends in the middle of {what}.", null, Advice);

    /// <summary>Name of a type of items that is not replayed: those for real-time groups (Linux 6.14), or its number.</summary>
    public static string NameOf(int type) => type switch
    {
        0x124A => "freeing of real-time extents (EFI_RT)",
        0x124B => "freed real-time extents (EFD_RT)",
        0x124C => "change of the reverse map of a real-time group (RUI_RT)",
        0x124D => "changed reverse map of a real-time group (RUD_RT)",
        0x124E => "change of reference counts of a real-time group (CUI_RT)",
        0x124F => "changed reference counts of a real-time group (CUD_RT)",
        _ => FormattableString.Invariant($"0x{type:x}, which is unknown"),
    };

    public static V2VException Limit(string what) =>
        new("XfsLogLimit", V2VErrorKind.Limit, $"The log of the XFS file system holds more {what} than any kernel writes.", null, Advice);
}
