using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Guest;

/// <summary>A partition, an unpartitioned disk, or a volume put together from them: what is known of it, and its bytes.</summary>
/// <param name="Info">What the partition table and the signatures say.</param>
/// <param name="Device">Its bytes; belongs to <see cref="GuestDisks"/>.</param>
public sealed record GuestVolume(VolumeInfo Info, BlockDevice Device)
{
    /// <summary>True if zeroes written to it save space on the disks.</summary>
    internal bool CanTrim { get; init; } = true;
}
