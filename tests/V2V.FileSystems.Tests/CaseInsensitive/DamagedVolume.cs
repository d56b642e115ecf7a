using V2V.Storage;

namespace V2V.FileSystems.Tests.CaseInsensitive;

/// <summary>A volume with flipped or missing bytes: whatever is done with it, nothing but our own exception comes out.</summary>
internal static class DamagedVolume
{
    public static void Exercise(MemoryDevice device, Func<BlockDevice, GuestFileSystem> open, Random random)
    {
        try
        {
            _ = FileSystemProbe.Identify(device);
            using GuestFileSystem fileSystem = open(device);
            _ = fileSystem.GetFreeExtents().Take(1000).Count();
            var files = new List<string>();
            Walk(fileSystem, files);
            foreach (string path in files.Take(3))
            {
                using Stream stream = fileSystem.OpenWrite(path);
                stream.SetLength(random.Next(30000));
            }

            fileSystem.WriteAllBytes("/new file", new byte[3000], new FileMetadata(0x1ED));
            if (files.Count > 1)
            {
                fileSystem.Rename(files[0], "/renamed file");
                fileSystem.Delete(files[1]);
            }
        }
        catch (V2VException)
        {
        }
    }

    /// <summary>Looks at a part of the tree: a damaged volume may seem to hold any number of files.</summary>
    private static void Walk(GuestFileSystem fileSystem, List<string> files)
    {
        var pending = new Stack<(string Path, int Depth)>([("", 0)]);
        var buffer = new byte[65536];
        while (pending.TryPop(out (string Path, int Depth) directory) && files.Count < 100)
        {
            foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory(directory.Path + "/").Take(40))
            {
                string path = directory.Path + "/" + entry.Name;
                if (entry.Type == GuestFileType.Directory)
                {
                    if (directory.Depth < 3)
                    {
                        pending.Push((path, directory.Depth + 1));
                    }

                    continue;
                }

                files.Add(path);
                try
                {
                    using Stream stream = fileSystem.OpenRead(path);
                    _ = stream.Read(buffer);
                    _ = fileSystem.ListExtendedAttributes(path).Select(name => fileSystem.GetExtendedAttribute(path, name)).Take(20).Count();
                    _ = fileSystem.GetExtendedAttribute(path, "system.ntfs_acl");
                }
                catch (V2VException)
                {
                }
            }
        }
    }
}
