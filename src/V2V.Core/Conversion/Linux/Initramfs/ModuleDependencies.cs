using V2V.Core.Guest;
using V2V.Core.Inspection.Initramfs;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>One line of modules.dep (modules.dep(5)).</summary>
/// <param name="Name">Name with underscores.</param>
/// <param name="Path">File, relative to the modules' directory.</param>
/// <param name="Dependencies">Files that must be loaded before, relative to the modules' directory.</param>
internal sealed record ModuleLine(string Name, string Path, IReadOnlyList<string> Dependencies);

/// <summary>The modules of a kernel with what they depend on, in the order of its modules.dep.</summary>
internal sealed class ModuleDependencies
{
    private const int MaxIndexBytes = 32 << 20;
    private const int MaxModules = 65536;

    private readonly Dictionary<string, ModuleLine> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string[]> _soft = new(StringComparer.Ordinal);

    private ModuleDependencies(string directory) => Directory = directory;

    /// <summary>Directory of the modules in the guest's tree.</summary>
    internal string Directory { get; }

    /// <summary>Every module.</summary>
    internal List<ModuleLine> Lines { get; } = [];

    /// <summary>Reads modules.dep and modules.softdep of a kernel.</summary>
    /// <exception cref="V2VException"><c>KernelModuleIndexMissing</c> if there is no modules.dep.</exception>
    internal static ModuleDependencies Read(GuestTree tree, string directory)
    {
        string path = directory + "/modules.dep";
        if (!tree.FileExists(path))
        {
            throw new V2VException("KernelModuleIndexMissing", V2VErrorKind.NotFound, $"The guest has no {path}.", path,
                "Run depmod -a in the guest and export it again.");
        }

        var index = new ModuleDependencies(directory);
        foreach (string line in ReadLines(tree, path))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && index.Lines.Count < MaxModules && NameOf(line[..colon]) is { } name)
            {
                var module = new ModuleLine(name, line[..colon], line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries));
                index.Lines.Add(module);
                index._byName.TryAdd(name, module);
            }
        }

        foreach (string line in ReadLines(tree, directory + "/modules.softdep"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 2 && words[0] == "softdep")
            {
                index._soft[words[1].Replace('-', '_')] = [.. words.Skip(2).Where(w => w[^1] != ':').Select(w => w.Replace('-', '_'))];
            }
        }

        return index;
    }

    /// <summary>Lines of one of the index files of a kernel; none if it is missing.</summary>
    internal static IEnumerable<string> ReadLines(GuestTree tree, string path) => tree.FileExists(path) ? tree.ReadLines(path, MaxIndexBytes) : [];

    /// <summary>The module with a name, or null.</summary>
    internal ModuleLine? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The modules of these names that exist, with everything that they depend on, softly too. Names are marked when seen, so circles end.</summary>
    internal HashSet<string> Closure(IEnumerable<string> names)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var todo = new Queue<string>(names);
        while (todo.TryDequeue(out string? name))
        {
            if (Find(name) is not { } module || !seen.Add(name))
            {
                continue;
            }

            foreach (string dependency in module.Dependencies.Select(NameOf).OfType<string>().Concat(_soft.GetValueOrDefault(name, [])))
            {
                todo.Enqueue(dependency);
            }
        }

        return seen;
    }

    internal static string? NameOf(string path) => ModuleName.FromPath(GuestText.Encode(path));
}
