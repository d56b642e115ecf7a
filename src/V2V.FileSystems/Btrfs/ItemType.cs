namespace V2V.FileSystems.Btrfs;

/// <summary>Types of items (On-disk Format, "Item types").</summary>
internal static class ItemType
{
    public const byte Inode = 1;
    public const byte InodeRef = 12;
    public const byte InodeExtRef = 13;
    public const byte Attribute = 24;
    public const byte Orphan = 48;
    public const byte DirLogItem = 60;
    public const byte DirLogIndex = 72;
    public const byte DirItem = 84;
    public const byte DirIndex = 96;
    public const byte ExtentData = 108;
    public const byte Checksums = 128;
    public const byte Root = 132;
    public const byte RootBackref = 144;
    public const byte RootRef = 156;
    public const byte Extent = 168;
    public const byte Metadata = 169;
    public const byte TreeBlockRef = 176;
    public const byte ExtentDataRef = 178;
    public const byte SharedBlockRef = 182;
    public const byte SharedDataRef = 184;
    public const byte BlockGroup = 192;
    public const byte FreeSpaceInfo = 198;
    public const byte FreeSpaceExtent = 199;
    public const byte FreeSpaceBitmap = 200;
    public const byte DeviceExtent = 204;
    public const byte Device = 216;
    public const byte Chunk = 228;
    public const byte QgroupStatus = 240;
    public const byte QgroupInfo = 242;
}

/// <summary>Numbers of trees and of objects that are no files (On-disk Format, "Tree objectids").</summary>
internal static class ObjectIds
{
    public const ulong RootTree = 1;
    public const ulong ExtentTree = 2;
    public const ulong ChunkTree = 3;
    public const ulong DeviceTree = 4;
    public const ulong FileTree = 5;
    public const ulong RootTreeDirectory = 6;
    public const ulong ChecksumTree = 7;
    public const ulong QuotaTree = 8;
    public const ulong UuidTree = 9;
    public const ulong FreeSpaceTree = 10;
    public const ulong BlockGroupTree = 11;
    public const ulong FirstFree = 256;
    public const ulong LastFree = unchecked((ulong)-256L);
    public const ulong FirstChunk = 256;
    public const ulong DeviceItems = 1;
    public const ulong Balance = unchecked((ulong)-4L);
    public const ulong Orphan = unchecked((ulong)-5L);
    public const ulong TreeLog = unchecked((ulong)-6L);
    public const ulong TreeRelocation = unchecked((ulong)-8L);
    public const ulong DataRelocation = unchecked((ulong)-9L);
    public const ulong ExtentChecksums = unchecked((ulong)-10L);

    /// <summary>True for the trees of files: the top level and the subvolumes.</summary>
    public static bool IsFileTree(ulong id) => id == FileTree || (id is >= FirstFree and <= LastFree);
}
