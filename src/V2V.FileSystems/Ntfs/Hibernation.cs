using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>Tells whether Windows on this volume is asleep: the first bytes of <c>hiberfil.sys</c> say so.</summary>
internal static class Hibernation
{
    private const string FileNameInRoot = "hiberfil.sys";

    /// <summary>Throws if Windows would resume from a hibernation file, which Fast Startup makes too.</summary>
    /// <exception cref="V2VException"><c>NtfsHibernated</c>.</exception>
    public static void Check(NtfsVolume volume)
    {
        if (IsHibernated(volume))
        {
            throw new V2VException(
                "NtfsHibernated",
                V2VErrorKind.InvalidState,
                "Windows is hibernated, or was shut down with Fast Startup: it would overwrite every change when it resumes.",
                "/" + FileNameInRoot,
                "Start the guest, run 'powercfg /h off' as administrator, and shut it down fully (shutdown /s /t 0).");
        }
    }

    /// <summary>True if the hibernation file holds a system that can be resumed.</summary>
    public static bool IsHibernated(NtfsVolume volume)
    {
        if (volume.OpenDirectory(volume.Mft.Get(NtfsVolume.RootNumber)).FindName(FileNameInRoot) is not { } entry
            || volume.Mft.Get(entry.Reference).Find(AttributeType.Data) is not { Length: >= 4096, IsCompressed: false, IsEncrypted: false } data)
        {
            return false;
        }

        Span<byte> head = stackalloc byte[4];
        volume.Content.Read(data, 0, head);
        return head.SequenceEqual("hibr"u8) || head.SequenceEqual("HIBR"u8) || head.SequenceEqual("RSTR"u8) || head.SequenceEqual("rstr"u8);
    }
}
