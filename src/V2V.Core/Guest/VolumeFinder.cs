using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Guest;

/// <summary>Finds the volumes of a disk.</summary>
internal static class VolumeFinder
{
    internal static IEnumerable<GuestVolume> Find(BlockDevice disk, int diskIndex, List<string> warnings)
    {
        VolumeSignature signature = FileSystemProbe.Identify(disk);
        yield return new GuestVolume(
            new VolumeInfo(GuestDisks.VolumeName(diskIndex, 0), diskIndex, 0, 0, disk.Length, signature.Type, signature.Uuid, signature.Label, null, null, null),
            disk);
    }
}
