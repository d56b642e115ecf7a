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

    public static V2VException Limit(string what) =>
        new("XfsLogLimit", V2VErrorKind.Limit, $"The log of the XFS file system holds more {what} than any kernel writes.", null, Advice);
}
