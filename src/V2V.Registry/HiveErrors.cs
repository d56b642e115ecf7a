using V2V.Storage;

namespace V2V.Registry;

/// <summary>The errors of a hive, each with its own identifier (docs/errors/registry.md).</summary>
internal static class HiveErrors
{
    private const string Repair = "Start the guest, let Windows repair the hive, shut it down and export it again.";

    public static V2VException BaseBlock(string message, string hive) =>
        new("HiveBaseBlockInvalid", V2VErrorKind.Corrupt, message, hive, Repair);

    public static V2VException Version(uint major, uint minor, string hive) =>
        V2VException.Unsupported("HiveVersionUnsupported", FormattableString.Invariant($"The hive has version {major}.{minor}; 1.3 to 1.6 are known."), hive, "Convert the guest with another tool.");

    public static V2VException Truncated(long offset, string hive) =>
        new("HiveTruncated", V2VErrorKind.Corrupt, FormattableString.Invariant($"The hive ends before offset {offset}."), hive, Repair);

    public static V2VException Cell(uint cell, string what, string hive) =>
        new("HiveCellInvalid", V2VErrorKind.Corrupt, FormattableString.Invariant($"The cell at 0x{cell:x} {what}."), hive, Repair);

    public static V2VException Dirty(string hive, string reason) =>
        new("HiveDirty", V2VErrorKind.InvalidState, "The hive was not closed cleanly and its transaction logs do not mend it: " + reason, hive, "Start the guest, shut it down properly, and export it again.");

    public static V2VException KeyMissing(string path, string hive) =>
        new("HiveKeyMissing", V2VErrorKind.NotFound, $"The registry has no key {path}.", hive, "Look at the guest's registry: it is not that of a working Windows.");

    public static V2VException TooLarge(string hive) =>
        new("HiveTooLarge", V2VErrorKind.Limit, "The hive would become larger than 2 GiB.", hive, "Clean up the guest's registry.");

    public static V2VException NameTooLong(string name, string hive) =>
        new("HiveNameTooLong", V2VErrorKind.InvalidArgument, FormattableString.Invariant($"A name of {name.Length} characters is longer than the registry allows."), hive, "Use a shorter name.");
}
