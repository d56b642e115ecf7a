using V2V.FileSystems.Xfs;
using V2V.FileSystems.Xfs.Attributes;
using V2V.FileSystems.Xfs.Directories;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>Every name of a file system with parent pointers has one, and there is no other.</summary>
internal static class ParentCheck
{
    public static void AssertHolds(XfsFileSystem fileSystem)
    {
        XfsVolume volume = fileSystem.Volume;
        if (!volume.Super.HasParentPointers)
        {
            return;
        }

        var expected = new Dictionary<ulong, List<string>> { [volume.Super.RootInode] = [] };
        var pending = new Stack<ulong>([volume.Super.RootInode]);
        while (pending.TryPop(out ulong number))
        {
            XfsInode directory = volume.Inodes.GetNamed(number);
            foreach (RawEntry entry in new DirectoryFile(volume, directory).Enumerate())
            {
                if (!expected.TryGetValue(entry.Inode, out List<string>? names))
                {
                    expected.Add(entry.Inode, names = []);
                    if (volume.Inodes.GetNamed(entry.Inode).IsDirectory)
                    {
                        pending.Push(entry.Inode);
                    }
                }

                names.Add($"{number}.{directory.Generation} {Convert.ToHexString(entry.Name)}");
            }
        }

        foreach ((ulong number, List<string> names) in expected)
        {
            AttributeEntry[] parents = [.. new AttributeStore(volume, volume.Inodes.GetNamed(number)).All().Where(e => (e.Flags & AttributeEntry.SpaceMask) == AttributeEntry.Parent)];
            Assert.Equal(names.Order(), parents.Select(p => $"{Be.U64(p.Value, 0)}.{Be.U32(p.Value, 8)} {Convert.ToHexString(p.Name)}").Order());
        }
    }
}
