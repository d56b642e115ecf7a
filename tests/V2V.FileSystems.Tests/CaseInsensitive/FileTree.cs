using Xunit;

namespace V2V.FileSystems.Tests.CaseInsensitive;

/// <summary>The content of a volume as a table: relative path (with <c>:stream</c>) to content, null for a directory.</summary>
internal static class FileTree
{
    /// <summary>Everything in the volume as V2V reads it.</summary>
    public static SortedDictionary<string, byte[]?> Read(GuestFileSystem fileSystem)
    {
        var tree = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal);
        var pending = new Stack<string>([""]);
        while (pending.TryPop(out string? directory))
        {
            foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory("/" + directory))
            {
                string path = directory.Length == 0 ? entry.Name : directory + "/" + entry.Name;
                tree[path] = entry.Type == GuestFileType.Directory ? null : fileSystem.ReadAllBytes("/" + path);
                foreach (string stream in fileSystem.ListExtendedAttributes("/" + path).Where(n => n.StartsWith("user.", StringComparison.Ordinal)))
                {
                    tree[path + ":" + stream[5..]] = fileSystem.GetExtendedAttribute("/" + path, stream);
                }

                if (entry.Type == GuestFileType.Directory)
                {
                    pending.Push(path);
                }
            }
        }

        return tree;
    }

    public static void AssertSame(SortedDictionary<string, byte[]?> expected, SortedDictionary<string, byte[]?> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach ((string path, byte[]? content) in expected)
        {
            Assert.True(content is null == actual[path] is null, path);
            Assert.True(content.AsSpan().SequenceEqual(actual[path]), $"{path}: {content?.Length} and {actual[path]?.Length} bytes");
        }
    }
}
