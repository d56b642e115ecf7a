using V2V.Core.Guest;
using V2V.Core.Inspection.Initramfs;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>A kernel module's file in its stored or its plain form. A signature is part of the module and survives.</summary>
internal static class ModuleFile
{
    private const int MaxModuleBytes = 64 << 20;

    /// <summary>The compression that a file's name tells (<c>gzip</c>, <c>xz</c>, <c>zstd</c>), or null for a plain module.</summary>
    internal static string? Compression(string path) => Path.GetExtension(path) switch
    {
        ".gz" => "gzip",
        ".xz" => "xz",
        ".zst" => "zstd",
        _ => null,
    };

    /// <summary>The path without the suffix of a compression.</summary>
    internal static string PlainPath(string path) => Compression(path) is null ? path : path[..path.LastIndexOf('.')];

    /// <summary>Reads a module.</summary>
    /// <param name="tree">The guest.</param>
    /// <param name="path">Path in the tree.</param>
    /// <param name="decompress">True to give the plain module whatever its stored form.</param>
    /// <exception cref="V2VException"><c>KernelModuleMissing</c>, <c>KernelModuleDamaged</c>, <c>KernelModuleTooLarge</c>.</exception>
    internal static byte[] Read(GuestTree tree, string path, bool decompress)
    {
        if (!tree.FileExists(path))
        {
            throw new V2VException("KernelModuleMissing", V2VErrorKind.NotFound, $"The guest has no {path}, which the kernel's modules.dep names.", path,
                "Run depmod -a in the guest, or reinstall the kernel's package, and export it again.");
        }

        byte[] stored = tree.ReadAllBytes(path, MaxModuleBytes);
        if (!decompress || Compression(path) is not { } compression)
        {
            return stored;
        }

        try
        {
            using var source = new MemoryStream(stored, writable: false);
            using Stream plain = Decompression.Open(compression, source);
            return ReadBounded(plain, path);
        }
        catch (Exception e) when (e is not V2VException and not OutOfMemoryException)
        {
            // The libraries that decompress have exceptions of their own for damaged input.
            throw V2VException.Corrupt("KernelModuleDamaged", $"The guest's kernel module {path} cannot be decompressed: {e.Message}", path, e);
        }
    }

    private static byte[] ReadBounded(Stream plain, string path)
    {
        using var content = new MemoryStream();
        var buffer = new byte[64 << 10];
        for (int read; (read = plain.Read(buffer)) > 0;)
        {
            content.Write(buffer, 0, read);
            if (content.Length > MaxModuleBytes)
            {
                throw new V2VException("KernelModuleTooLarge", V2VErrorKind.Limit, $"The guest's kernel module {path} is larger than {MaxModuleBytes >> 20} MiB.", path);
            }
        }

        return content.ToArray();
    }
}
