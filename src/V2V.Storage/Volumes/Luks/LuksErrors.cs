namespace V2V.Storage.Volumes.Luks;

/// <summary>Errors of LUKS volumes.</summary>
internal static class LuksErrors
{
    internal static V2VException Damaged(string what, string target) =>
        V2VException.Corrupt("LuksHeaderDamaged", $"The LUKS header of {target} is damaged: {what}.", target);

    internal static V2VException Unsupported(string errorId, string message, string target) =>
        new(errorId, V2VErrorKind.Unsupported, message, target, "Encrypt the volume anew in the guest with cryptsetup's defaults, or move the guest to a plain volume.");
}
