namespace V2V.Storage.Volumes.BitLocker;

/// <summary>Errors of BitLocker volumes.</summary>
internal static class BitLockerErrors
{
    internal static V2VException Damaged(string what, string target) => new(
        "BitLockerMetadataDamaged", V2VErrorKind.Corrupt, $"The BitLocker metadata of {target} is damaged: {what}.", target,
        "Start the guest so that Windows repairs it, shut it down and export it again; or repair the volume with repair-bde.");

    internal static V2VException Unsupported(string errorId, string message, string target) =>
        new(errorId, V2VErrorKind.Unsupported, message, target, "Decrypt the volume in the guest (manage-bde -off C:), wait until it is done, shut it down and export it again.");

    internal static V2VException Unfinished(string target) => new(
        "BitLockerConversionUnfinished", V2VErrorKind.InvalidState, $"The volume {target} was being encrypted or decrypted by BitLocker when the guest stopped, and a step of it is half done.", target,
        "Start the guest, wait until manage-bde -status shows it as done or paused, shut it down fully and export it again.");
}
