using V2V.Core.Guest;
using V2V.Core.Inspection.Initramfs;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// In which form an initramfs keeps its modules. Read only where the guest compresses its modules, since the tools that build an
/// initramfs may have decompressed them.
/// </summary>
internal sealed class InitramfsListing
{
    private const long MaxPlainBytes = 2L << 30;
    private const int MaxEntries = 500_000;
    private const int MaxFileBytes = 1 << 20;
    private const uint TypeMask = 0xF000, RegularFile = 0x8000;

    private IReadOnlyCollection<string> _wanted = [];

    /// <summary>Paths of the modules, relative to their kernel's directory, by name.</summary>
    internal Dictionary<string, string> ModulePaths { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of the modules (underscores) that lie in the root, in <c>lib</c> or in <c>usr/lib/modules</c> itself, as tiny-initramfs, nash and booster have them.</summary>
    internal HashSet<string> FlatModules { get; } = new(StringComparer.Ordinal);

    /// <summary>The files that were asked for and are there, by path without a leading slash.</summary>
    internal Dictionary<string, InitramfsFile> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Offset of the compressed archive in the file; the file's length if nothing is compressed.</summary>
    internal long CompressedStart { get; private set; }

    /// <summary>Reads the archives that are not compressed, which come first, and the compressed one behind them.</summary>
    /// <param name="file">The initramfs, seekable.</param>
    /// <param name="version">The kernel's version.</param>
    /// <param name="readCompressed">False to find only <see cref="CompressedStart"/>.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <param name="wanted">Paths of small files to keep.</param>
    /// <exception cref="V2VException"><c>InitramfsDamaged</c>, <c>InitramfsTooLarge</c>.</exception>
    internal static InitramfsListing Read(Stream file, string version, bool readCompressed, CancellationToken cancellation, IReadOnlyCollection<string>? wanted = null)
    {
        var listing = new InitramfsListing { CompressedStart = file.Length, _wanted = wanted ?? [] };
        try
        {
            file.Position = 0;
            using (var plain = new CpioReader(file))
            {
                if (!listing.Scan(plain, version, isCompressed: false, cancellation))
                {
                    return listing;
                }

                listing.CompressedStart = plain.Position;
            }

            if (readCompressed)
            {
                listing.ReadCompressed(file, version, cancellation);
            }
        }
        catch (Exception e) when (e is not V2VException and not OperationCanceledException and not OutOfMemoryException)
        {
            // The libraries that decompress have exceptions of their own for damaged input.
            throw V2VException.Corrupt("InitramfsDamaged", $"The initramfs is damaged: {e.Message}", inner: e);
        }

        return listing;
    }

    private void ReadCompressed(Stream file, string version, CancellationToken cancellation)
    {
        Span<byte> magic = stackalloc byte[16];
        file.Position = CompressedStart;
        int length = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        string compression = Decompression.Identify(magic[..length])
            ?? throw V2VException.Corrupt("InitramfsDamaged", FormattableString.Invariant($"The initramfs holds something unknown at byte {CompressedStart}."));
        file.Position = CompressedStart;
        using Stream plain = Decompression.Open(compression, file);
        using var reader = new CpioReader(plain);
        Scan(reader, version, isCompressed: true, cancellation);
    }

    /// <summary>Notes entries up to the end or to something that is no archive, in which case it gives true.</summary>
    private bool Scan(CpioReader reader, string version, bool isCompressed, CancellationToken cancellation)
    {
        byte[] directory = GuestText.Encode("lib/modules/" + version + "/");
        for (int entries = 0; ; entries++)
        {
            CpioItem item = reader.Next();
            if (item is CpioItem.End or CpioItem.Foreign)
            {
                return item == CpioItem.Foreign;
            }

            if (item == CpioItem.Entry)
            {
                Note(reader, directory);
            }
            else if (isCompressed)
            {
                // What the decoder makes of the next segment is of no interest.
                return false;
            }

            if (entries > MaxEntries || reader.Position > MaxPlainBytes)
            {
                throw new V2VException("InitramfsTooLarge", V2VErrorKind.Limit, "The initramfs is larger than any real one.");
            }

            if ((entries & 1023) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    private void Note(CpioReader reader, ReadOnlySpan<byte> directory)
    {
        ReadOnlySpan<byte> name = reader.Name;
        if (name.StartsWith("./"u8))
        {
            name = name[2..];
        }

        name = name.TrimStart((byte)'/');
        if (ModuleName.FromPath(name) is { } module)
        {
            if (name.IndexOf(directory) is >= 0 and int at)
            {
                ModulePaths[module] = GuestText.Decode(name[(at + directory.Length)..]);
            }
            else if (name[..Math.Max(0, name.LastIndexOf((byte)'/'))] is var parent && (parent.IsEmpty || parent.SequenceEqual("lib"u8) || parent.SequenceEqual("usr/lib/modules"u8)))
            {
                FlatModules.Add(module);
            }
        }

        if (_wanted.Count > 0 && name.Length < 64 && GuestText.Decode(name) is var path && _wanted.Contains(path) && (reader.Mode & TypeMask) == RegularFile
            && reader.Mode is var mode && reader.ReadContent(MaxFileBytes) is { } content)
        {
            Files[path] = new InitramfsFile(content, mode & 0xFFF);
        }
    }
}

/// <summary>A file of an initramfs.</summary>
/// <param name="Content">Its content.</param>
/// <param name="Mode">Permission bits.</param>
internal sealed record InitramfsFile(byte[] Content, uint Mode)
{
    /// <summary>The content as text.</summary>
    internal string Text => GuestText.Decode(Content);

    /// <summary>
    /// The file with another text. Kernels before 2.6.20 overwrite a file of an earlier archive without cutting it off, so that it must not
    /// become shorter; empty lines do no harm in what this is used for.
    /// </summary>
    internal InitramfsFile With(string text)
    {
        byte[] content = GuestText.Encode(text);
        return this with { Content = content.Length >= Content.Length ? content : [.. content, .. Enumerable.Repeat((byte)'\n', Content.Length - content.Length)] };
    }
}
