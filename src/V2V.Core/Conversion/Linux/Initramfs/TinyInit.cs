namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>The list that tiny-initramfs' first program inserts modules by: a line for each, <c>/NAME.ko OPTIONS</c>, in this order. It knows nothing else of modules.</summary>
internal static class TinyInit
{
    /// <summary>Path of the list; the modules lie beside it.</summary>
    internal const string Path = "modules";

    /// <summary>True if a text is such a list.</summary>
    internal static bool Is(string text) => text.StartsWith('/') && text.Split('\n').All(l => l.Length == 0 || (l[0] == '/' && l.Contains(".ko", StringComparison.Ordinal)));

    /// <summary>Adds modules' files, in the order in which they must be inserted.</summary>
    internal static string Add(string text, IEnumerable<string> files) => TextLines.Append(text, [.. files.Select(f => "/" + f)]);
}
