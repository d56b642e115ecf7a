using V2V.Core.Guest;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>Names of kernel modules: dashes and underscores are the same to the kernel, so they are all written with underscores.</summary>
internal static class ModuleName
{
    /// <summary>The module in a file, or null if the name is not that of a module.</summary>
    internal static string? FromFileName(ReadOnlySpan<byte> fileName)
    {
        int length = NameLength(fileName);
        if (length <= 0)
        {
            return null;
        }

        return GuestText.Decode(fileName[..length]).Replace('-', '_');
    }

    /// <summary>The module in a file with a path, or null.</summary>
    internal static string? FromPath(ReadOnlySpan<byte> path) => FromFileName(path[(path.LastIndexOf((byte)'/') + 1)..]);

    private static int NameLength(ReadOnlySpan<byte> fileName)
    {
        ReadOnlySpan<byte> name = fileName;
        int dot = name.LastIndexOf((byte)'.');
        if (dot > 0 && (name[dot..].SequenceEqual(".zst"u8) || name[dot..].SequenceEqual(".xz"u8) || name[dot..].SequenceEqual(".gz"u8)))
        {
            name = name[..dot];
            dot = name.LastIndexOf((byte)'.');
        }

        return dot > 0 && (name[dot..].SequenceEqual(".ko"u8) || name[dot..].SequenceEqual(".o"u8)) ? dot : 0;
    }
}
