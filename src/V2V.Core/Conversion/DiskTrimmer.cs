using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Storage.Volumes;

namespace V2V.Core.Conversion;

/// <summary>
/// Makes what no file uses read as zero in the overlays, so that the export need not copy it: the free blocks of each file system that
/// can be written, and the contents of swap. Only whole clusters are touched, and only where something is stored.
/// </summary>
internal sealed class DiskTrimmer(GuestDisks disks, ConversionContext context)
{
    /// <summary>Size of an overlay's cluster: zeroing less would copy data instead of saving it.</summary>
    private const long ClusterSize = 65536;

    private const string ShadowCopies = "/System Volume Information";

    /// <summary>How the names of the files of shadow copies end; the catalog has this name alone.</summary>
    private const string ShadowStore = "{3808876b-c176-4e48-b7ae-04046e6cc752}";

    private const int MaxShadowCopies = 4096;

    /// <summary>Places where the signature of swap ends: the sizes of a page.</summary>
    private static readonly int[] s_pageSizes = [4096, 8192, 16384, 65536];

    /// <summary>Trims everything.</summary>
    /// <returns>Number of bytes that read as zero now and were stored before.</returns>
    internal long Trim(GuestTree tree)
    {
        long trimmed = 0;
        foreach (GuestVolume volume in disks.Volumes)
        {
            context.Observer.CancellationToken.ThrowIfCancellationRequested();
            if (FindFileSystem(tree, volume) is { CanWrite: true } fileSystem)
            {
                trimmed += TrimFileSystem(volume, fileSystem);
            }
            else if (volume.Info.FileSystem is "swap" or "swsuspend")
            {
                trimmed += TrimSwap(volume);
            }
        }

        foreach (FreeRange range in disks.Assembled.FreeRanges)
        {
            context.Observer.CancellationToken.ThrowIfCancellationRequested();
            if (disks.FindVolume(range.Device) is { } member)
            {
                trimmed += Zero(member, range.Offset, range.Length);
            }
        }

        return trimmed;
    }

    /// <summary>The file system of a volume: one that is mounted, or one that the guest's fstab leaves out, unless another system may own it.</summary>
    private GuestFileSystem? FindFileSystem(GuestTree tree, GuestVolume volume)
    {
        if (tree.Mounts.FirstOrDefault(m => m.Info?.Device == volume.Info.Device) is { } mount)
        {
            return mount.FileSystem;
        }

        if (volume.Info.FileSystem == "btrfs" && tree.Mounts.FirstOrDefault(m => m.FileSystem.Type == "btrfs" && m.FileSystem.Uuid == volume.Info.Uuid) is { } shared)
        {
            return shared.FileSystem;
        }

        if (volume.Info.FileSystem is not ("ext2" or "ext3" or "ext4" or "vfat" or "btrfs" or "ntfs") || context.Inspection.Roots.Count > 1)
        {
            return null;
        }

        try
        {
            return disks.OpenFileSystem(volume.Info.Device, writable: true);
        }
        catch (V2VException e)
        {
            context.Observer.Verbose($"{volume.Info.Device} is not trimmed: {e.Message}");
            return null;
        }
    }

    private long TrimFileSystem(GuestVolume volume, GuestFileSystem fileSystem)
    {
        if (HasShadowCopies(fileSystem))
        {
            context.Warn($"{volume.Info.Device} has shadow copies, which refer to blocks that are free now; its free blocks are copied too.");
            return 0;
        }

        fileSystem.Flush();
        long trimmed = 0;
        foreach ((long offset, long length) in fileSystem.GetFreeExtents(volume.Device))
        {
            context.Observer.CancellationToken.ThrowIfCancellationRequested();
            trimmed += Zero(volume, offset, length);
        }

        return trimmed;
    }

    /// <summary>True for an NTFS volume with shadow copies: volsnap keeps what they refer to in their files only once it is overwritten.</summary>
    private static bool HasShadowCopies(GuestFileSystem fileSystem) =>
        fileSystem.Type == "ntfs" && fileSystem.TryGetEntry(ShadowCopies) is { IsDirectory: true }
        && fileSystem.EnumerateDirectory(ShadowCopies).Take(MaxShadowCopies).Any(e => e.Name.EndsWith(ShadowStore, StringComparison.OrdinalIgnoreCase) && e.Name.Length > ShadowStore.Length);

    /// <summary>Everything behind the header's page, unless a hibernated guest's memory is there.</summary>
    private long TrimSwap(GuestVolume volume)
    {
        int pageSize = 0;
        bool isSuspended = false;
        Span<byte> signature = stackalloc byte[10];
        foreach (int size in s_pageSizes.Where(s => s <= volume.Device.Length))
        {
            volume.Device.Read(size - signature.Length, signature);
            isSuspended |= signature.StartsWith("S1SUSPEND"u8) || signature.StartsWith("S2SUSPEND"u8) || signature.StartsWith("ULSUSPEND"u8)
                || signature.StartsWith("LINHIB0001"u8);
            pageSize = pageSize == 0 && signature.SequenceEqual("SWAPSPACE2"u8) ? size : pageSize;
        }

        if (isSuspended)
        {
            context.Warn($"{volume.Info.Device} holds the memory of a hibernated guest; it was left as it is.");
            return 0;
        }

        return pageSize == 0 ? 0 : Zero(volume, pageSize, volume.Device.Length - pageSize);
    }

    /// <summary>Zeroes the whole clusters of a range of a volume that hold something.</summary>
    private long Zero(GuestVolume volume, long offset, long length)
    {
        if (volume.Info.IsStacked)
        {
            return volume.CanTrim ? Zero(volume.Device, offset, Math.Min(offset + length, volume.Device.Length)) : 0;
        }

        // Clusters are counted from the start of the disk, not of the volume.
        long start = RoundUp(volume.Info.Offset + offset);
        long end = (volume.Info.Offset + Math.Min(offset + length, volume.Device.Length)) / ClusterSize * ClusterSize;
        if (start < volume.Info.Offset || start >= end)
        {
            return 0;
        }

        return Zero(disks.Devices[volume.Info.DiskIndex], start, end);
    }

    /// <summary>Zeroes the whole clusters of a range of a device that hold something. Volumes that were put together begin at clusters mostly.</summary>
    private long Zero(BlockDevice disk, long start, long end)
    {
        start = RoundUp(start);
        end = end / ClusterSize * ClusterSize;
        if (start >= end)
        {
            return 0;
        }

        long trimmed = 0;
        List<BlockExtent> stored = [.. disk.GetExtents(start, end - start).Where(e => e.Kind == BlockExtentKind.Data)];
        long done = start;
        foreach (BlockExtent extent in stored)
        {
            long from = Math.Max(done, extent.Offset / ClusterSize * ClusterSize), to = Math.Min(end, RoundUp(extent.End));
            if (from < to)
            {
                trimmed += to - from;
                if (!context.Options.WhatIf)
                {
                    disk.WriteZeroes(from, to - from);
                }

                done = to;
            }
        }

        return trimmed;
    }

    private static long RoundUp(long value) => (value + ClusterSize - 1) / ClusterSize * ClusterSize;
}
