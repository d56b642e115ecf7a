using V2V.Storage;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>The journal's own errors.</summary>
internal static class JournalErrors
{
    public static V2VException Corrupt(string message, string? target) => new(
        "ExtJournalCorrupt",
        V2VErrorKind.Corrupt,
        message,
        target,
        "Boot the guest once, or run e2fsck on the file system, and shut the guest down cleanly.");

    public static V2VException Unsupported(string message, string? target) => V2VException.Unsupported(
        "ExtJournalUnsupported",
        message,
        target,
        "Boot the guest once and shut it down cleanly: an empty journal is not replayed.");

    public static V2VException FastCommitPending(string? target) => V2VException.Unsupported(
        "ExtFastCommitPending",
        "The journal holds fast commits that have not been written back.",
        target,
        "Boot the guest once and shut it down cleanly, or run e2fsck on the file system.");

    /// <summary>The journal lies on another device (s_journal_dev), which is not part of the volume.</summary>
    public static V2VException External(string? target) => V2VException.Unsupported(
        "ExtJournalExternal",
        "The file system was not unmounted and its journal is on another device.",
        target,
        "Boot the guest once and shut it down cleanly.");
}
