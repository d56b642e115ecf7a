using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Reads everything that a file system has, in bounds: for damaged images.</summary>
internal static class TreeWalk
{
    private const int MaxEntries = 5000;
    private const int MaxContent = 1 << 20;

    /// <summary>Walks the tree; with <paramref name="strict"/> the first refusal is thrown, else refusals are skipped.</summary>
    public static int Read(GuestFileSystem fileSystem, bool strict)
    {
        var pending = new Stack<string>(["/"]);
        var seen = new HashSet<ulong>();
        var buffer = new byte[MaxContent];
        int left = MaxEntries;
        Try(strict, () => Assert.All(fileSystem.GetFreeExtents().Take(MaxEntries), extent => Assert.True(extent.Length > 0)));
        while (pending.TryPop(out string? directory))
        {
            Try(strict, () =>
            {
                foreach (DirectoryEntry name in fileSystem.EnumerateDirectory(directory))
                {
                    if (--left < 0)
                    {
                        return;
                    }

                    string path = directory == "/" ? "/" + name.Name : directory + "/" + name.Name;
                    if (name.Name.Contains('/', StringComparison.Ordinal))
                    {
                        continue;
                    }

                    Try(strict, () => ReadOne(fileSystem, path, buffer));
                    if (name.Type == GuestFileType.Directory && seen.Add(name.FileId))
                    {
                        pending.Push(path);
                    }
                }
            });
        }

        return MaxEntries - left;
    }

    private static void ReadOne(GuestFileSystem fileSystem, string path, byte[] buffer)
    {
        FileEntry? entry = fileSystem.TryGetEntry(path);
        if (entry is null)
        {
            return;
        }

        foreach (string attribute in fileSystem.ListExtendedAttributes(path))
        {
            fileSystem.GetExtendedAttribute(path, attribute);
        }

        if (entry.Type == GuestFileType.SymbolicLink)
        {
            fileSystem.ReadLink(path);
        }
        else if (entry.Type == GuestFileType.File)
        {
            using Stream stream = fileSystem.OpenRead(path);
            _ = stream.Read(buffer);
            stream.Position = Math.Max(0, stream.Length - 5000);
            _ = stream.Read(buffer.AsSpan(0, 5000));
        }
    }

    private static void Try(bool strict, Action action)
    {
        try
        {
            action();
        }
        catch (V2VException) when (!strict)
        {
            // Refused by name, as it should be.
        }
    }
}
