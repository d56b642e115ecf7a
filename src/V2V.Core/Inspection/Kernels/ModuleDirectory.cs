using V2V.Core.Guest;
using V2V.Core.Inspection.Initramfs;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection.Kernels;

/// <summary>The modules of one kernel. modules.dep names every one that modprobe can load; without it the directory is walked.</summary>
internal static class ModuleDirectory
{
    private const int MaxListBytes = 16 << 20;
    private const int MaxModules = 65536;
    private const int MaxDirectories = 16384;
    private const int MaxDepth = 16;

    /// <summary>Names (underscores) of the modules below a directory.</summary>
    internal static HashSet<string> ReadModules(InspectionContext context, string directory)
    {
        var modules = new HashSet<string>(StringComparer.Ordinal);
        if (!ReadList(context, directory + "/modules.dep", modules) || modules.Count == 0)
        {
            Walk(context, directory, modules);
        }

        return modules;
    }

    /// <summary>Names (underscores) of what is compiled into the kernel.</summary>
    internal static HashSet<string> ReadBuiltIn(InspectionContext context, string directory)
    {
        var modules = new HashSet<string>(StringComparer.Ordinal);
        ReadList(context, directory + "/modules.builtin", modules);
        return modules;
    }

    /// <summary>Reads lines of a path, in modules.dep with a colon and dependencies behind it.</summary>
    private static bool ReadList(InspectionContext context, string path, HashSet<string> modules)
    {
        try
        {
            if (!context.Tree.FileExists(path))
            {
                return false;
            }

            ReadOnlySpan<byte> content = context.Tree.ReadAllBytes(path, MaxListBytes);
            while (!content.IsEmpty && modules.Count < MaxModules)
            {
                int end = content.IndexOf((byte)'\n');
                ReadOnlySpan<byte> line = end < 0 ? content : content[..end];
                content = end < 0 ? default : content[(end + 1)..];
                int colon = line.IndexOf((byte)':');
                if (ModuleName.FromPath(colon < 0 ? line : line[..colon]) is { } module)
                {
                    modules.Add(module);
                }
            }

            return true;
        }
        catch (V2VException e)
        {
            context.Warn($"{path} was not read: {e.Message}");
            return false;
        }
    }

    private static void Walk(InspectionContext context, string directory, HashSet<string> modules)
    {
        var todo = new Stack<(string Path, int Depth)>([(directory, 0)]);
        for (int seen = 0; todo.TryPop(out (string Path, int Depth) at) && seen < MaxDirectories; seen++)
        {
            foreach (DirectoryEntry entry in context.List(at.Path))
            {
                if (entry.Type == GuestFileType.Directory && at.Depth < MaxDepth)
                {
                    todo.Push((GuestPath.Combine(at.Path, entry.Name), at.Depth + 1));
                }
                else if (entry.Type != GuestFileType.Directory && modules.Count < MaxModules && ModuleName.FromFileName(GuestText.Encode(entry.Name)) is { } module)
                {
                    modules.Add(module);
                }
            }
        }
    }
}
