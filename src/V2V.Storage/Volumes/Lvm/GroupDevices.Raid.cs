using V2V.Storage.Volumes.Mapping;
using V2V.Storage.Volumes.Raid;

namespace V2V.Storage.Volumes.Lvm;

/// <content>RAID segments: dm-raid's arrays over the hidden images, judged by the superblock in each image's metadata volume.</content>
internal sealed partial class GroupDevices
{
    private const int MaxImages = 253;

    private BlockDevice RaidVolume(LogicalVolume volume, Segment segment, long length)
    {
        string target = Target(volume.Name);
        RaidKind kind = RaidKind.Find(segment.Kind) ?? throw VolumeErrors.LvmUnsupported(
            "LvmSegmentUnsupported", $"{target} is of the type {segment.Type}, which V2V does not read.", target, "Convert the volume in the guest to a linear one (lvconvert) and export the guest again.");
        List<string> names = segment.Names("raids");
        bool hasMetadata = names.Count > 0;
        names = hasMetadata ? names : segment.Names("raid0_lvs");
        if (names.Count == 0 || (hasMetadata && names.Count % 2 != 0) || names.Count > 2 * MaxImages || volume.Segments.Count != 1)
        {
            throw VolumeErrors.Lvm($"The images of {target} are listed wrongly.", target);
        }

        if (segment.Text.Number("reshape_count") is > 0 || segment.Text.Number("data_offset") is > 1)
        {
            throw VolumeErrors.LvmUnsupported("LvmReshapeUnfinished", $"{target} is being reshaped.", target, "Let the reshape end in the guest and export it again.");
        }

        string[] images = [.. names.Where((_, i) => !hasMetadata || i % 2 == 1)];
        var devices = new BlockDevice?[images.Length];
        var supers = new DmRaidSuperblock?[images.Length];
        for (int i = 0; i < images.Length; i++)
        {
            devices[i] = ImageOrNull(images[i]);
            supers[i] = hasMetadata && ImageOrNull(names[i * 2]) is { } metadata ? DmRaidSuperblock.TryRead(metadata) : null;
        }

        DropStale(devices, supers, target);
        NoteMissing(devices);
        long chunk = (segment.Text.Number("stripe_size") ?? 0) * 512;
        return Assemble(kind, devices, chunk, length, segment, target);
    }

    private BlockDevice? ImageOrNull(string name)
    {
        try
        {
            return Make(name);
        }
        catch (V2VException e) when (e.ErrorId is "LvmPhysicalVolumeMissing" or "LvmSegmentMissing")
        {
            return null;
        }
    }

    /// <summary>Takes away the images that the newest superblock calls failed, that are behind it, or that were still being rebuilt.</summary>
    private static void DropStale(BlockDevice?[] devices, DmRaidSuperblock?[] supers, string target)
    {
        DmRaidSuperblock? newest = supers.Where((s, i) => s is not null && devices[i] is not null).MaxBy(s => s!.Events);
        if (newest is null)
        {
            return;
        }

        if (newest.IsReshaping)
        {
            throw VolumeErrors.LvmUnsupported("LvmReshapeUnfinished", $"{target} is being reshaped.", target, "Let the reshape end in the guest and export it again.");
        }

        for (int i = 0; i < devices.Length; i++)
        {
            bool isFailed = i < 64 && (newest.FailedDevices >> i & 1) != 0;
            if (isFailed || supers[i] is not { } own || own.Events + 1 < newest.Events || own.RecoveryOffset != ulong.MaxValue)
            {
                devices[i] = null;
            }
        }
    }

    private static BlockDevice Assemble(RaidKind kind, BlockDevice?[] images, long chunk, long length, Segment segment, string target)
    {
        int missing = images.Count(i => i is null);
        bool isPossible = kind.Level == 1 || (chunk is >= 512 and <= 1 << 30 && chunk % 512 == 0);
        if (!isPossible || images.Length <= kind.ParityImages || images.Any(i => i is not null && i.Length < ShareOf(kind, images.Length, length, segment)))
        {
            throw VolumeErrors.Lvm($"The images of {target} do not fit together.", target);
        }

        if (missing == images.Length || (kind.Level is 0 && missing > 0) || (kind.Level is 4 or 5 && missing > 1) || (kind.Level == 6 && missing > 2))
        {
            throw TooFew(target);
        }

        switch (kind.Level)
        {
            case 0:
                return new StripedDevice([.. images.OfType<BlockDevice>()], chunk, length);
            case 1:
                return new MirrorDevice(images.OfType<BlockDevice>(), length, missing == 0);
            case 10:
                int copies = (int)Math.Clamp(segment.Text.Number("data_copies") ?? 2, 1, images.Length);
                var device = new Raid10Device(images, new Raid10Layout(copies, 1, false, images.Length), chunk, ShareOf(kind, images.Length, length, segment));
                return device.IsComplete && device.Length >= length ? device : throw TooFew(target);
            default:
                return new ParityDevice(images, new ParityLayout(kind.Level, kind.Algorithm, images.Length), chunk, length);
        }
    }

    private static long ShareOf(RaidKind kind, int images, long length, Segment segment) => kind.Level switch
    {
        1 => length,
        10 => length * Math.Clamp(segment.Text.Number("data_copies") ?? 2, 1, images) / images,
        _ => length / (images - kind.ParityImages),
    };

    private static V2VException TooFew(string target) => new(
        "LvmRaidIncomplete", V2VErrorKind.NotFound, $"Too many images of {target} are missing or out of date.", target, "Import the machine with all its disks, or repair the volume in the guest (lvconvert --repair).");

    /// <summary>A type of RAID segment, as dm-raid's table names it.</summary>
    private sealed record RaidKind(string Name, int Level, ParityAlgorithm Algorithm)
    {
        private static readonly RaidKind[] s_all =
        [
            new("raid0", 0, 0), new("raid0_meta", 0, 0), new("raid1", 1, 0), new("raid10", 10, 0), new("raid10_near", 10, 0),

            // dm-raid's RAID 4 keeps the parity first, unlike md's.
            new("raid4", 5, ParityAlgorithm.ParityFirst), new("raid5_n", 5, ParityAlgorithm.ParityLast), new("raid5_0", 5, ParityAlgorithm.ParityFirst),
            new("raid5", 5, ParityAlgorithm.LeftSymmetric), new("raid5_ls", 5, ParityAlgorithm.LeftSymmetric), new("raid5_rs", 5, ParityAlgorithm.RightSymmetric),
            new("raid5_la", 5, ParityAlgorithm.LeftAsymmetric), new("raid5_ra", 5, ParityAlgorithm.RightAsymmetric),
            new("raid6", 6, ParityAlgorithm.RotatingZeroRestart), new("raid6_zr", 6, ParityAlgorithm.RotatingZeroRestart),
            new("raid6_nr", 6, ParityAlgorithm.RotatingNRestart), new("raid6_nc", 6, ParityAlgorithm.RotatingNContinue),
            new("raid6_n_6", 6, ParityAlgorithm.ParityLast), new("raid6_0_6", 6, ParityAlgorithm.ParityFirst6),
            new("raid6_ls_6", 6, ParityAlgorithm.LeftSymmetric6), new("raid6_rs_6", 6, ParityAlgorithm.RightSymmetric6),
            new("raid6_la_6", 6, ParityAlgorithm.LeftAsymmetric6), new("raid6_ra_6", 6, ParityAlgorithm.RightAsymmetric6),
        ];

        internal int ParityImages => Level switch
        {
            5 => 1,
            6 => 2,
            _ => 0,
        };

        internal static RaidKind? Find(string name) => Array.Find(s_all, k => k.Name == name);
    }
}
