using V2V.Core.Inspection;
using V2V.FileSystems.Ntfs;

namespace V2V.Core.Conversion.Windows.Boot;

/// <summary>
/// Corrects the number of heads in the boot sector of Windows before Vista, whose loader reads the disk by it: VMware and KVM give a disk different
/// heads (convert-windows.md 5.7).
/// </summary>
internal sealed class NtfsHeadsStep : ConversionStep
{
    private const long Small = 2_114_445_312;
    private const long Large = 4_228_374_780;

    internal override string Name => "NtfsHeads";

    internal override int Order => 530;

    internal override void Apply(ConversionContext context)
    {
        VolumeInfo? root = context.Inspection.Volumes.FirstOrDefault(v => v.Device == context.Inspection.RootDevice);
        if (context.Inspection.Version.Major >= 6 || root is null || root.IsStacked || context.Tree.Mounts[0].FileSystem is not NtfsFileSystem fileSystem)
        {
            return;
        }

        long length = context.Source.Disks[root.DiskIndex].VirtualSize;
        ushort heads = length < Small ? (ushort)0x40 : length < Large ? (ushort)0x80 : (ushort)0xFF;
        if (fileSystem.SetHeads(heads))
        {
            context.Editor.NoteBootSector(root.Device, FormattableString.Invariant($"Windows' old loader counts with {heads} heads on a disk of this size."));
        }
    }
}
