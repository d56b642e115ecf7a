using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>Errors of INF files.</summary>
internal static class InfErrors
{
    public static V2VException Invalid(string name, string what) =>
        new("InfInvalid", V2VErrorKind.Corrupt, $"The INF file {name} cannot be used: {what}.", name, "Obtain the driver again; an INF file is text as Windows' driver kit makes it.");

    public static V2VException TooLarge(string name) =>
        new("InfTooLarge", V2VErrorKind.Limit, FormattableString.Invariant($"The INF file {name} is too large: at most {InfFile.MaxBytes} bytes are read, and its strings must not blow it up."), name, "Obtain the driver again.");
}
