using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Tests.Guest;

namespace V2V.Core.Tests.Inspection;

/// <summary>Small guests for the tests of single readers.</summary>
internal static class Guests
{
    internal static InspectionContext Context(MemoryFileSystem root, out List<string> warnings)
    {
        warnings = [];
        return new InspectionContext(new GuestTree(new GuestMount("/", root)), warnings);
    }

    internal static InspectionContext Context(MemoryFileSystem root) => Context(root, out _);

    internal static InspectionContext Context(params (string Path, string Text)[] files)
    {
        var root = new MemoryFileSystem();
        foreach ((string path, string text) in files)
        {
            root.Add(path, text);
        }

        return Context(root);
    }

    /// <summary>A folder of the host as a guest's file system.</summary>
    internal static MemoryFileSystem FromFolder(string folder, MemoryFileSystem? into = null, string at = "")
    {
        into ??= new MemoryFileSystem();
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            into.Add(at + "/" + Path.GetRelativePath(folder, file).Replace('\\', '/'), File.ReadAllBytes(file));
        }

        return into;
    }

    /// <summary>Copies of some bytes with flipped bits and cut ends; the same ones at every run.</summary>
    internal static IEnumerable<byte[]> Damage(byte[] seed, int count, int randomSeed = 1)
    {
        var random = new Random(randomSeed);
        for (int i = 0; i < count; i++)
        {
            byte[] copy = seed.ToArray();
            for (int flips = random.Next(1, 16); flips > 0 && copy.Length > 0; flips--)
            {
                copy[random.Next(copy.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(copy[random.Next(copy.Length)] ^ (1 << random.Next(8)));
            }

            yield return random.Next(4) == 0 ? copy[..random.Next(copy.Length + 1)] : copy;
        }
    }
}
