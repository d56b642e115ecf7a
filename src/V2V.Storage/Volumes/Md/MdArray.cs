using V2V.Storage.Volumes.Mapping;
using V2V.Storage.Volumes.Raid;

namespace V2V.Storage.Volumes.Md;

/// <summary>A device with its superblock.</summary>
/// <param name="Name">Name of the device.</param>
/// <param name="Device">The device.</param>
/// <param name="Super">Its superblock.</param>
internal sealed record MdMember(string Name, BlockDevice Device, MdSuperblock Super);

/// <summary>
/// An array and the members that were found. The superblock with the most events tells its state; members that are behind it, failed, or still being
/// rebuilt are left out, as the kernel does.
/// </summary>
internal sealed class MdArray(string uuid)
{
    private const int MaxSlots = 1024;

    private readonly List<MdMember> _members = [];

    /// <summary>UUID as mdadm prints it.</summary>
    internal string Uuid { get; } = uuid;

    /// <summary>Every device of the array that was found.</summary>
    internal IReadOnlyList<MdMember> Members => _members;

    /// <summary>The superblock that counts.</summary>
    internal MdSuperblock State => _members.MaxBy(m => m.Super.Events)!.Super;

    /// <summary>True if every slot has a member.</summary>
    internal bool IsComplete => State is { Slots: > 0 and <= MaxSlots } && Array.TrueForAll(Fill(), m => m is not null);

    /// <summary>True if no device was written to by itself since: all superblocks agree.</summary>
    internal int MissingCount => Fill().Count(m => m is null);

    internal void Add(MdMember member) => _members.Add(member);

    /// <summary>Makes the array's device.</summary>
    /// <exception cref="V2VException">The array cannot be run, by its own identifier.</exception>
    internal BlockDevice Make(string target)
    {
        MdSuperblock state = State;
        Check(state, target);
        MdMember?[] slots = Fill();
        int missing = slots.Count(m => m is null);
        bool isEnough = state.Level switch
        {
            1 or 10 => missing < slots.Length,
            4 or 5 => missing <= 1,
            6 => missing <= 2,
            _ => missing == 0,
        };
        if (!isEnough)
        {
            throw TooFew(target, missing, slots.Length);
        }

        if (missing > 0 && !state.IsClean && state.Level is 4 or 5 or 6)
        {
            throw new V2VException(
                "MdDirtyDegraded", V2VErrorKind.InvalidState, $"The array {target} lacks a member and was not shut down cleanly: what the member held cannot be worked out.", target,
                "Start the guest with all its disks, shut it down and export it again.");
        }

        BlockDevice?[] windows = [.. slots.Select(m => m is null ? null : Window(m, state, target))];
        return Build(state, windows, target, missing, slots.Length);
    }

    private static BlockDevice Build(MdSuperblock state, BlockDevice?[] windows, string target, int missing, int slots)
    {
        long length = state.MemberLength;
        switch (state.Level)
        {
            case -1:
                return Linear(windows);
            case 0:
                var stripe = new ZonedStripeDevice([.. windows.OfType<BlockDevice>()], state.Chunk, !state.HasLayout || state.Layout == 1);
                return stripe.ZoneCount == 1 || (state.HasLayout && state.Layout is 1 or 2)
                    ? stripe
                    : throw Unsupported("MdRaid0LayoutUnknown", $"The RAID 0 {target} has members of different sizes and does not say which of two layouts it has.", target,
                        "Record the layout in the guest (mdadm --assemble --update=layout-original or layout-alternate).");
            case 1:
                return new MirrorDevice(windows.OfType<BlockDevice>(), length, missing == 0);
            case 10:
                var device = new Raid10Device(windows, Raid10Layout.Parse(state.Layout, slots)!.Value, state.Chunk, length);
                return device.IsComplete ? device : throw TooFew(target, missing, slots);
            default:
                var layout = new ParityLayout(state.Level, (ParityAlgorithm)state.Layout, slots);
                return new ParityDevice(windows, layout, state.Chunk, length / state.Chunk * state.Chunk * layout.DataMembers);
        }
    }

    private static SegmentedDevice Linear(BlockDevice?[] windows)
    {
        var parts = new List<DeviceSegment>();
        long start = 0;
        foreach (BlockDevice window in windows.OfType<BlockDevice>())
        {
            parts.Add(new DeviceSegment(start, window.Length, window, 0));
            start += window.Length;
        }

        return new SegmentedDevice(parts);
    }

    private static void Check(MdSuperblock state, string target)
    {
        if (state.UnknownFeatures != 0)
        {
            throw Unsupported("MdFeatureUnsupported", FormattableString.Invariant($"The array {target} has features that V2V does not know ({state.UnknownFeatures:x})."), target, "Move the guest to plain partitions first.");
        }

        if (state.IsReshaping)
        {
            throw Unsupported("MdReshapeUnfinished", $"The array {target} is being reshaped.", target, "Let the reshape end in the guest and export it again.");
        }

        if (state.HasJournal)
        {
            throw Unsupported("MdJournalUnsupported", $"The array {target} has a journal, which may hold data that the members lack.", target, "Remove the journal in the guest (mdadm --grow --consistency-policy=resync) and export it again.");
        }

        if (state.Level is not (-1 or 0 or 1 or 4 or 5 or 6 or 10))
        {
            throw Unsupported("MdLevelUnsupported", FormattableString.Invariant($"The array {target} is of level {state.Level}, which V2V does not read."), target, "Move the guest to plain partitions first.");
        }

        bool needsChunk = state.Level is 0 or 4 or 5 or 6 or 10;
        int minimum = state.Level switch
        {
            6 => 3,
            4 or 5 => 2,
            _ => 1,
        };
        bool isSane = state.Slots >= minimum && state.Slots <= MaxSlots
            && (!needsChunk || (state.Chunk is >= 512 and <= 1 << 30 && state.Chunk % 512 == 0))
            && (state.Level is -1 or 0 || (state.MemberLength >= Math.Max(state.Chunk, 512) && state.MemberLength < long.MaxValue / MaxSlots))
            && (state.Level is not (4 or 5 or 6) || ParityLayout.IsKnown(state.Level, state.Layout))
            && (state.Level != 10 || Raid10Layout.Parse(state.Layout, state.Slots) is { } layout && layout.ArrayLength(state.MemberLength, state.Chunk, state.Slots) > 0);
        if (!isSane)
        {
            throw V2VException.Corrupt("MdSuperblockDamaged", $"The superblock of the array {target} describes an array that cannot be.", target);
        }
    }

    /// <summary>The part of a member that the array uses.</summary>
    private static SubDevice Window(MdMember member, MdSuperblock state, string target)
    {
        MdSuperblock super = member.Super;
        long length = state.Level is -1 or 0 ? super.DataLength : state.MemberLength;
        if (state.Level is -1 or 0 && state.Chunk > 0)
        {
            length = length / state.Chunk * state.Chunk;
        }

        return length <= 0 || super.DataOffset > member.Device.Length || length > member.Device.Length - super.DataOffset
            ? throw V2VException.Corrupt("MdMemberTruncated", $"{member.Name} is shorter than its part of the array {target}.", member.Name)
            : new SubDevice(member.Device, super.DataOffset, length);
    }

    /// <summary>The members by slot; null where there is none that is up to date.</summary>
    private MdMember?[] Fill()
    {
        MdSuperblock state = State;
        var slots = new MdMember?[Math.Clamp(state.Slots, 0, MaxSlots)];
        foreach (MdMember member in _members.OrderByDescending(m => m.Super.Events))
        {
            MdSuperblock super = member.Super;
            (MdRole role, int slot) = super.Own;
            bool isKnown = super.DeviceNumber < state.Roles.Count && state.Roles[super.DeviceNumber] == (role, slot);
            bool isFresh = super.Events + 1 >= state.Events && super.Level == state.Level && super.Slots == state.Slots;
            if (role == MdRole.Active && isKnown && isFresh && !super.IsIncomplete && !super.HasBadBlocks && slot < slots.Length)
            {
                slots[slot] ??= member;
            }
        }

        return slots;
    }

    private static V2VException TooFew(string target, int missing, int slots) => new(
        "MdArrayIncomplete", V2VErrorKind.NotFound, FormattableString.Invariant($"{missing} of {slots} members of the array {target} are missing or out of date; it cannot run without them."), target,
        "Import the machine with all its disks.");

    private static V2VException Unsupported(string errorId, string message, string target, string advice) =>
        new(errorId, V2VErrorKind.Unsupported, message, target, advice);
}
