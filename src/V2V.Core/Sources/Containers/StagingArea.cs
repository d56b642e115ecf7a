using System.Buffers;
using Microsoft.Win32.SafeHandles;
using V2V.Core.Working;
using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>
/// Where compressed archives and disks are unpacked: a work area, made when something has to be unpacked at all. Guards the host
/// against decompression bombs and full disks. Zeroes are not written, so that an empty disk takes no space.
/// </summary>
internal sealed class StagingArea(SourceOptions options)
{
    private const int BufferSize = 1 << 20;
    private const int ZeroBlock = 1 << 16;
    private const long ExpansionFloor = 256L << 20;
    private const long SpaceReserve = 64L << 20;
    private const long SpaceCheckInterval = 256L << 20;

    private readonly Lock _lock = new();
    private int _files;

    /// <summary>The work area, or null if nothing has been unpacked.</summary>
    public string? Directory { get; private set; }

    /// <summary>Deletes what was unpacked. For failures: never throws.</summary>
    public void Abandon()
    {
        try
        {
            if (Directory is not null)
            {
                WorkArea.Delete(Directory);
            }
        }
        catch (V2VException)
        {
            // The process's end deletes it.
        }
    }

    /// <summary>Makes room for a file with a name of its own.</summary>
    public string NewFile()
    {
        lock (_lock)
        {
            Directory ??= WorkArea.Create(options.WorkingDirectory);
            return Path.Combine(Directory, FormattableString.Invariant($"staged-{_files++}"));
        }
    }

    /// <summary>Most bytes that so many may become if the metadata does not say.</summary>
    public long LimitFor(long storedLength) =>
        Math.Max(ExpansionFloor, storedLength > long.MaxValue / options.MaximumExpansion ? long.MaxValue : storedLength * options.MaximumExpansion);

    /// <summary>Writes a stream into a new file of the area.</summary>
    /// <param name="open">Opens the decompressed stream.</param>
    /// <param name="name">Name of what is unpacked.</param>
    /// <param name="storedLength">Bytes before decompression.</param>
    /// <param name="limit">Most bytes that it may become by the metadata; null for the general limit.</param>
    /// <param name="container">The archive or folder, for messages.</param>
    /// <returns>The unpacked file.</returns>
    /// <exception cref="V2VException"><c>DecompressionLimit</c>, <c>CompressedDataInvalid</c>, <c>StagingNoSpace</c>, <c>StagingFailed</c>.</exception>
    public StoredFile Unpack(Func<Stream> open, string name, long storedLength, long? limit, string container)
    {
        string path = NewFile();
        long most = limit ?? LimitFor(storedLength);
        CheckSpace(path, storedLength, name);
        options.Observer.Verbose($"Unpacking '{name}' to {path}.");
        var progress = new ByteProgress(options.Observer, "Unpacking " + Path.GetFileName(container), 0) { Status = name };
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using SafeFileHandle file = CreateFile(path);
            using Stream stream = Guard(open, name, container);
            long length = 0;
            long nextCheck = SpaceCheckInterval;
            while (true)
            {
                options.Observer.CancellationToken.ThrowIfCancellationRequested();
                int count = Guard(() => stream.ReadAtLeast(buffer.AsSpan(0, BufferSize), BufferSize, throwOnEndOfStream: false), name, container);
                if (count == 0)
                {
                    break;
                }

                if (length + count > most)
                {
                    throw new V2VException(
                        "DecompressionLimit",
                        V2VErrorKind.Limit,
                        FormattableString.Invariant($"'{name}' has {storedLength} bytes and unpacks to more than {most}."),
                        container,
                        "If you trust it, unpack it yourself and import the result.");
                }

                Write(file, buffer.AsSpan(0, count), length, path);
                length += count;
                progress.Add(count);
                if (length >= nextCheck)
                {
                    CheckSpace(path, 0, name);
                    nextCheck += SpaceCheckInterval;
                }
            }

            SetLength(file, length, path);
            progress.Complete();
            return new StoredFile(name, path, null, 0, length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static SafeFileHandle CreateFile(string path) => Host(path, () => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write));

    private static void SetLength(SafeFileHandle file, long length, string path) => Host(path, () =>
    {
        RandomAccess.SetLength(file, length);
        return true;
    });

    private static void Write(SafeFileHandle file, ReadOnlySpan<byte> data, long offset, string path)
    {
        while (!data.IsEmpty)
        {
            int step = Math.Min(ZeroBlock - (int)(offset % ZeroBlock), data.Length);
            if (data[..step].ContainsAnyExcept((byte)0))
            {
                try
                {
                    RandomAccess.Write(file, data[..step], offset);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    throw Failure(e, path);
                }
            }

            offset += step;
            data = data[step..];
        }
    }

    private static T Host<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    /// <summary>Decompressors report damaged input by exceptions of all kinds.</summary>
    private static T Guard<T>(Func<T> action, string name, string container)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is not (V2VException or OperationCanceledException))
        {
            throw V2VException.Corrupt("CompressedDataInvalid", $"The compressed data of '{name}' cannot be unpacked: {e.Message}", container, e);
        }
    }

    private static void CheckSpace(string path, long need, string name)
    {
        long free;
        try
        {
            free = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(path)! : Path.GetDirectoryName(path)!).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A share, for example: the host will say so when it is full.
            return;
        }

        if (free < need + SpaceReserve)
        {
            throw new V2VException(
                "StagingNoSpace",
                V2VErrorKind.NoSpace,
                FormattableString.Invariant($"The working directory has {free} bytes left, too few to unpack '{name}'."),
                path,
                "Free some space, name another folder with -WorkingDirectory, or unpack the machine yourself and import the folder.");
        }
    }

    private static V2VException Failure(Exception e, string path)
    {
        bool isFull = e is IOException { HResult: 28 or 122 or unchecked((int)0x80070070) or unchecked((int)0x80070027) };
        return isFull
            ? new V2VException("StagingNoSpace", V2VErrorKind.NoSpace, "The working directory is full.", path, "Free some space or name another folder with -WorkingDirectory.", e)
            : new V2VException("StagingFailed", V2VErrorKind.HostIo, $"The working directory cannot be written: {e.Message}", path, "Name another folder with -WorkingDirectory.", e);
    }
}
