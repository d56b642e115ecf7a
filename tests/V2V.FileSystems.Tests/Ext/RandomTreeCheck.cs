using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Compares the model of a random sequence with what is there, as V2V and as the kernel see it.</summary>
internal static class RandomTreeCheck
{
    /// <summary>Fails unless the file system, opened anew, holds exactly the model.</summary>
    public static void AssertHolds(GuestFileSystem fileSystem, RandomModel model)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var pending = new Stack<string>([""]);
        while (pending.TryPop(out string? directory))
        {
            foreach (DirectoryEntry name in fileSystem.EnumerateDirectory(directory + "/"))
            {
                string path = directory + "/" + name.Name;
                if (path == "/lost+found" || path.StartsWith("/lost+found/", StringComparison.Ordinal))
                {
                    continue;
                }

                found.Add(path);
                if (name.Type == GuestFileType.Directory)
                {
                    pending.Push(path);
                }
            }
        }

        Assert.Equal(model.Tree.Keys, found);
        Dictionary<RandomNode, int> links = CountLinks(model);
        foreach ((string path, RandomNode node) in model.Tree)
        {
            FileEntry entry = fileSystem.TryGetEntry(path)!;
            Assert.True((node.Type, node.Mode, node.Uid, node.Gid) == (entry.Type, entry.Mode, entry.Uid, entry.Gid), $"{path}: {entry}");
            Assert.True(node.ModifiedTime is null || node.ModifiedTime == entry.ModifiedTime, $"{path}: {entry}");
            if (node.Type != GuestFileType.Directory)
            {
                Assert.Equal(links[node], entry.LinkCount);
            }

            if (node.Type == GuestFileType.SymbolicLink)
            {
                Assert.Equal(node.Target, fileSystem.ReadLink(path));
            }
            else if (node.Type == GuestFileType.File)
            {
                Assert.True(node.Content.AsSpan().SequenceEqual(fileSystem.ReadAllBytes(path)), $"content of {path}");
            }

            Assert.Equal(node.Attributes.Keys, fileSystem.ListExtendedAttributes(path).Order(StringComparer.Ordinal));
            foreach ((string name, byte[] value) in node.Attributes)
            {
                Assert.True(value.AsSpan().SequenceEqual(fileSystem.GetExtendedAttribute(path, name)), $"{name} of {path}");
            }
        }
    }

    /// <summary>Fails unless the kernel's mount shows exactly the model.</summary>
    /// <param name="root">Where it is mounted.</param>
    /// <param name="model">What is expected.</param>
    /// <param name="countsSubdirectories">False for Btrfs, where a directory has one link whatever is in it.</param>
    public static void AssertKernelSees(string root, RandomModel model, bool countsSubdirectories = true)
    {
        var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Dictionary<RandomNode, int> links = CountLinks(model);
        foreach ((string path, RandomNode node) in model.Tree)
        {
            string type = node.Type switch { GuestFileType.Directory => "d", GuestFileType.SymbolicLink => "l", _ => "f" };
            string size = node.Type switch { GuestFileType.Directory => "", GuestFileType.SymbolicLink => node.Target.Length.ToString(CultureInfo.InvariantCulture), _ => node.Content.Length.ToString(CultureInfo.InvariantCulture) };
            int count = node.Type == GuestFileType.Directory
                ? !countsSubdirectories ? 1 : 2 + model.Tree.Count(pair => pair.Value.Type == GuestFileType.Directory && pair.Key.LastIndexOf('/') == path.Length && pair.Key.StartsWith(path, StringComparison.Ordinal))
                : links[node];
            string time = node.ModifiedTime is { } modified ? modified.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture) : "";
            expected[path] = $"{type}|{size}|{Convert.ToString(node.Mode, 8)}|{node.Uid}|{node.Gid}|{time}|{count}|{node.Target}";
        }

        var actual = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in Tool.Run("find", root, "-mindepth", "1", "-printf", "%y|%s|%m|%U|%G|%Ts|%n|%l|%P\\0").Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] part = line.Split('|', 9);
            string path = "/" + part[8];
            if (path == "/lost+found" || path.StartsWith("/lost+found/", StringComparison.Ordinal))
            {
                continue;
            }

            part[1] = part[0] == "d" ? "" : part[1];
            part[5] = model.Tree.GetValueOrDefault(path)?.ModifiedTime is null ? "" : part[5];
            actual[path] = string.Join('|', part[..8]);
        }

        Assert.Equal(expected, actual);
        foreach ((string path, RandomNode node) in model.Tree)
        {
            if (node.Type == GuestFileType.File)
            {
                Assert.True(node.Content.AsSpan().SequenceEqual(File.ReadAllBytes(root + path)), $"content of {path}");
            }

            Assert.Equal(node.Attributes.Keys, ListAttributes(root + path));
            foreach ((string name, byte[] value) in node.Attributes)
            {
                Assert.True(value.AsSpan().SequenceEqual(GetAttribute(root + path, name)), $"{name} of {path}");
            }
        }
    }

    private static Dictionary<RandomNode, int> CountLinks(RandomModel model) =>
        model.Tree.Values.GroupBy(node => node).ToDictionary(group => group.Key, group => group.Count());

    private static string[] ListAttributes(string path)
    {
        var buffer = new byte[65536];
        nint length = NativeMethods.llistxattr(Terminated(path), buffer, buffer.Length);
        Assert.True(length >= 0, path);
        return [.. Encoding.UTF8.GetString(buffer, 0, (int)length).Split('\0', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
    }

    private static byte[] GetAttribute(string path, string name)
    {
        var buffer = new byte[65536];
        nint length = NativeMethods.lgetxattr(Terminated(path), Terminated(name), buffer, buffer.Length);
        Assert.True(length >= 0, $"{name} of {path}");
        return buffer[..(int)length];
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + "\0");

    private static class NativeMethods
    {
        [DllImport("libc")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern nint llistxattr(byte[] path, byte[] list, nint size);

        [DllImport("libc")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        public static extern nint lgetxattr(byte[] path, byte[] name, byte[] value, nint size);
    }
}
