using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>What happens between finding a superblock and using the file system: refusals, journal replay and orphans.</summary>
internal static class ExtMount
{
    /// <summary>s_state: the kernel has found errors.</summary>
    public const int StateErrors = 2;

    public static ExtVolume Open(BlockDevice device, bool writable)
    {
        Superblock super = Superblock.Read(device);
        if (super.Has(ExtIncompat.NeedsRecovery))
        {
            throw new V2VException(
                "ExtJournalDirty",
                V2VErrorKind.InvalidState,
                "The file system was not unmounted and its journal has not been replayed.",
                super.DisplayName,
                "Start the guest once, shut it down cleanly and export it again.");
        }

        return new ExtVolume(device, super);
    }
}
