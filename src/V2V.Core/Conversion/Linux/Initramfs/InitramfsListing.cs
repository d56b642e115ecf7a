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

    /// <summary>Paths of the modules, relative to their kernel's directory, by name.</summary>
    internal Dictionary<string, string> ModulePaths { get; } = new(StringComparer.Ordinal);

    /// <summary>Offset of the compressed archive in the file; the file's length if nothing is compressed.</summary>
    internal long CompressedStart { get; private set; }

    /// <summary>Reads the archives that are not compressed, which come first, and the compressed one behind them.</summary>
    /// <param name="file">The initramfs, seekable.</param>
    /// <param name="version">The kernel's version.</param>
    /// <param name="readCompressed">False to find only <see cref="CompressedStart"/>.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="V2VException"><c>InitramfsDamaged</c>, <c>InitramfsTooLarge</c>.</exception>
    internal static InitramfsListing Read(Stream file, string version, bool readCompressed, CancellationToken cancellation)
    {
        var listing = new InitramfsListing { CompressedStart = file.Length };
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
        if (name.IndexOf(directory) is >= 0 and int at && ModuleName.FromPath(name) is { } module)
        {
            ModulePaths[module] = GuestText.Decode(name[(at + directory.Length)..]);
        }
    }
}
