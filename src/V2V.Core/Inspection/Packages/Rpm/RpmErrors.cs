using V2V.Storage;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>What can be wrong with an rpm database. The inspection turns these into warnings.</summary>
internal static class RpmErrors
{
    internal static V2VException Invalid(string path, string what) => V2VException.Corrupt("RpmDatabaseInvalid", $"The rpm database {path} is damaged: {what}.", path);

    internal static V2VException TooLarge(string path, string what) =>
        new("RpmDatabaseTooLarge", V2VErrorKind.Limit, $"The rpm database {path} is refused: {what}.", path, "Run 'rpm --rebuilddb' in the guest, if it is not hostile.");
}
