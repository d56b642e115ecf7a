namespace V2V.Storage.Volumes;

/// <summary>The errors that more than one kind of volume raises.</summary>
internal static class VolumeErrors
{
    /// <summary>A volume that can be read but not written, and why.</summary>
    internal const string ReadOnlyAdvice = "Put the volume in order in the guest, shut it down and export it again.";

    internal static V2VException Lvm(string message, string target) => V2VException.Corrupt("LvmMetadataDamaged", message, target);

    internal static V2VException LvmUnsupported(string errorId, string message, string target, string advice) =>
        new(errorId, V2VErrorKind.Unsupported, message, target, advice);
}
