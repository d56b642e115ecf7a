namespace V2V.Core.Inspection.Initramfs;

/// <summary>What an initramfs holds, as far as a conversion depends on it.</summary>
internal sealed class InitramfsContents
{
    /// <summary>Compression of the last segment that is compressed, else <c>none</c>.</summary>
    internal string Compression { get; set; } = "none";

    /// <summary>Number of archives.</summary>
    internal int Archives { get; set; }

    /// <summary>Number of entries in all archives.</summary>
    internal int Entries { get; set; }

    /// <summary>Names of modules (underscores) and their files' paths below it, by the directory of their kernel (<c>usr/lib/modules/6.1.0-18-amd64</c>).</summary>
    internal Dictionary<string, Dictionary<string, string>> Modules { get; } = new(StringComparer.Ordinal);

    /// <summary>True if <c>lib</c> is a symbolic link (a merged /usr).</summary>
    internal bool IsLibLink { get; set; }

    /// <summary>The file system that the whole of it is an image of (<c>ext2</c>, <c>cramfs</c>), as before Linux 2.6; null for an initramfs.</summary>
    internal string? FileSystem { get; set; }

    /// <summary>Why reading ended early, or null if everything was read.</summary>
    internal string? Problem { get; set; }
}
