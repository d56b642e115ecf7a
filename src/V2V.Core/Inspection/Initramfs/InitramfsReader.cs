using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>
/// Reads an initramfs as the kernel unpacks it: cpio archives one after another, each plain or inside a compressed stream. Everything
/// streams; of the contents only names are kept.
/// </summary>
internal static class InitramfsReader
{
    /// <summary>Most decompressed bytes of one initramfs.</summary>
    internal const long MaxPlainBytes = 2L << 30;

    /// <summary>Most entries of one initramfs.</summary>
    internal const int MaxEntries = 500_000;

    private const int MaxSegments = 64;

    // What may follow the last decoded byte within the same stream: xz's index, checksums.
    private const int MaxStreamEnd = 8 << 10;

    private const uint TypeMask = 0xF000, LinkType = 0xA000;

    /// <summary>Reads an initramfs.</summary>
    /// <param name="file">The file: seekable, at its beginning.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <returns>What was found; with <see cref="InitramfsContents.Problem"/> set where the file is damaged.</returns>
    internal static InitramfsContents Read(Stream file, CancellationToken cancellation)
    {
        var contents = new InitramfsContents();
        try
        {
            long budget = MaxPlainBytes;
            long at = 0;
            for (int segments = 0; at >= 0 && at < file.Length; segments++)
            {
                if (segments == MaxSegments)
                {
                    throw new V2VException("InitramfsTooLarge", V2VErrorKind.Limit, $"The initramfs has more than {MaxSegments} segments.");
                }

                file.Position = at;
                at = ReadSegment(file, at, contents, ref budget, cancellation);
            }
        }
        catch (V2VException e)
        {
            contents.Problem = e.Message;
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
        {
            // The libraries that decompress have exceptions of their own for damaged input.
            contents.Problem = $"The initramfs is damaged: {e.Message}";
        }

        if (contents is { Problem: not null, Entries: 0 } && InitrdImage.Identify(file) is { } fileSystem)
        {
            contents.FileSystem = fileSystem;
            contents.Problem = $"It is the image of a file system ({fileSystem}), as before Linux 2.6; no driver can be added to it.";
        }

        return contents;
    }

    /// <summary>Reads plain archives up to a compressed stream, and that stream; gives where to go on, or -1 at the end.</summary>
    private static long ReadSegment(Stream file, long start, InitramfsContents contents, ref long budget, CancellationToken cancellation)
    {
        long at;
        using (var plain = new CpioReader(file))
        {
            if (Scan(plain, contents, cancellation) == CpioItem.End)
            {
                return -1;
            }

            at = start + plain.Position;
        }

        Span<byte> magic = stackalloc byte[16];
        file.Position = at;
        int length = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        if (Decompression.Identify(magic[..length]) is not { } compression)
        {
            throw V2VException.Corrupt("InitramfsDamaged", FormattableString.Invariant($"The initramfs holds something unknown at byte {at}."));
        }

        file.Position = at;
        contents.Compression = compression;
        budget -= ReadCompressed(file, compression, contents, budget, cancellation);
        return FindNext(file, Math.Max(at + 1, file.Position - Decompression.MaxReadAhead), file.Position);
    }

    private static long ReadCompressed(Stream file, string compression, InitramfsContents contents, long budget, CancellationToken cancellation)
    {
        using Stream decompressed = Decompression.Open(compression, file);
        using var limited = new LimitedStream(decompressed, budget);
        using var reader = new CpioReader(limited);
        int archives = contents.Archives;
        try
        {
            if (Scan(reader, contents, cancellation) == CpioItem.Foreign)
            {
                throw V2VException.Corrupt("InitramfsDamaged", "The initramfs' compressed part holds something that is no cpio archive.");
            }
        }
        catch (Exception e) when (contents.Archives > archives && e is not V2VException { ErrorId: "InitramfsTooLarge" } and not OperationCanceledException and not OutOfMemoryException)
        {
            // The archive was complete: what the decoder stumbled over is the segment that follows the compressed stream.
        }

        return limited.Total;
    }

    /// <summary>Notes the entries of the archives up to something else; complete archives are counted.</summary>
    private static CpioItem Scan(CpioReader reader, InitramfsContents contents, CancellationToken cancellation)
    {
        while (true)
        {
            CpioItem item = reader.Next();
            switch (item)
            {
                case CpioItem.Entry:
                    Note(reader, contents);
                    break;
                case CpioItem.Trailer:
                    contents.Archives++;
                    break;
                default:
                    return item;
            }

            if (++contents.Entries > MaxEntries)
            {
                throw new V2VException("InitramfsTooLarge", V2VErrorKind.Limit, $"The initramfs has more than {MaxEntries} entries.");
            }

            if ((contents.Entries & 1023) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    private static void Note(CpioReader reader, InitramfsContents contents)
    {
        ReadOnlySpan<byte> name = reader.Name;
        if (name.StartsWith("./"u8))
        {
            name = name[2..];
        }

        name = name.TrimStart((byte)'/');
        if (name.SequenceEqual("lib"u8))
        {
            contents.IsLibLink = (reader.Mode & TypeMask) == LinkType;
            return;
        }

        int modules = name.IndexOf("lib/modules/"u8);
        if (modules < 0)
        {
            return;
        }

        int version = modules + 12;
        int end = name[version..].IndexOf((byte)'/');
        if (end > 0 && ModuleName.FromFileName(name[(name.LastIndexOf((byte)'/') + 1)..]) is { } module)
        {
            string directory = GuestText.Decode(name[..(version + end)]);
            if (!contents.Modules.TryGetValue(directory, out Dictionary<string, string>? names))
            {
                if (contents.Modules.Count == 64)
                {
                    return;
                }

                names = new Dictionary<string, string>(StringComparer.Ordinal);
                contents.Modules.Add(directory, names);
            }

            names[module] = GuestText.Decode(name[(version + end + 1)..]);
        }
    }

    /// <summary>
    /// The next segment after a compressed stream. The decoder's read-ahead hides where that stream ended, so a cpio header, which stands at
    /// a multiple of 4, is looked for in what was read last; without one, whatever follows is the next segment.
    /// </summary>
    private static long FindNext(Stream file, long from, long to)
    {
        const int HeaderLength = 110;
        from = (from + 3) & ~3L;
        long last = Math.Min(file.Length, to + MaxStreamEnd);
        if (last > from)
        {
            var tail = new byte[last - from];
            file.Position = from;
            file.ReadExactly(tail);
            for (int i = 0; i + HeaderLength <= tail.Length; i += 4)
            {
                if (CpioReader.IsHeader(tail.AsSpan(i)))
                {
                    return from + i;
                }
            }
        }

        file.Position = to;
        Span<byte> next = stackalloc byte[4096];
        for (long at = to; at < file.Length;)
        {
            int length = file.ReadAtLeast(next, next.Length, throwOnEndOfStream: false);
            int used = next[..length].IndexOfAnyExcept((byte)0);
            if (used >= 0)
            {
                at += used;
                return CpioReader.IsHeader(next[used..length]) || Decompression.Identify(next[used..length]) is not null ? at : -1;
            }

            at += length;
        }

        return -1;
    }

    /// <summary>Counts what is read, and stops a decompression bomb.</summary>
    private sealed class LimitedStream(Stream inner, long limit) : ForwardStream
    {
        internal long Total { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            Total += read;
            return Total <= limit
                ? read
                : throw new V2VException("InitramfsTooLarge", V2VErrorKind.Limit, $"The initramfs is larger than {MaxPlainBytes >> 30} GiB when decompressed.");
        }
    }
}
