using System.Security.Cryptography;
using V2V.Core.Sources.Containers;
using V2V.Storage;

namespace V2V.Core.Sources.Manifests;

/// <summary>
/// Compares the files of a machine with its manifests. The OVF is verified before it is parsed; the disks while the rest of the import
/// goes on, several at once on all cores. The import gives its result only after that: a machine whose digests are wrong is never
/// handed on. (Verifying while the copy reads is not possible: a digest needs the stored bytes in order, the copy reads them in the
/// order of the guest's sectors, and a conversion would have happened before.)
/// </summary>
internal sealed class ManifestVerifier
{
    private const int MaximumManifest = 4 << 20;

    private readonly OvaContainer _container;
    private readonly IOperationObserver _observer;
    private readonly List<FileDigests> _files = [];

    private ManifestVerifier(OvaContainer container, IOperationObserver observer)
    {
        _container = container;
        _observer = observer;
    }

    /// <summary>What was odd.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Number of files with a digest.</summary>
    public int FileCount => _files.Count;

    /// <summary>Reads manifests and finds the files that they list.</summary>
    /// <param name="container">The machine's files.</param>
    /// <param name="manifests">Names of the manifests.</param>
    /// <param name="observer">Progress and cancellation.</param>
    /// <exception cref="V2VException"><c>ManifestTooLarge</c>, <c>OvfHrefOutside</c> for a link that leads out of a folder.</exception>
    public static ManifestVerifier Read(OvaContainer container, IEnumerable<string> manifests, IOperationObserver observer)
    {
        var verifier = new ManifestVerifier(container, observer);
        foreach (string manifest in manifests)
        {
            if (container.Find(manifest) is not { } file)
            {
                continue;
            }

            foreach (ManifestEntry entry in ManifestReader.Read(file.ReadAll(MaximumManifest, "ManifestTooLarge"), manifest, verifier.Warnings))
            {
                verifier.Add(manifest, entry);
            }
        }

        return verifier;
    }

    /// <summary>Verifies one file now, if it is listed.</summary>
    /// <exception cref="V2VException"><c>ManifestDigestMismatch</c>.</exception>
    public void Verify(string name)
    {
        foreach (FileDigests file in _files.Where(f => f.File.Name == name))
        {
            file.Verify(new ByteProgress(SilentObserver.Instance, "", 0), _container.Path, _observer.CancellationToken);
        }
    }

    /// <summary>Verifies all files that have not been yet.</summary>
    /// <exception cref="V2VException"><c>ManifestDigestMismatch</c>; the first by order of the manifest.</exception>
    public void VerifyAll(CancellationToken cancellation)
    {
        List<FileDigests> open = [.. _files.Where(f => !f.IsVerified)];
        if (open.Count == 0)
        {
            return;
        }

        var progress = new ByteProgress(_observer, "Verifying " + Path.GetFileName(_container.Path), open.Sum(f => f.File.Length)) { Status = "manifest" };
        var errors = new V2VException?[open.Count];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            // The largest first, so that none of them is left over for one core at the end.
            Parallel.ForEach(
                Enumerable.Range(0, open.Count).OrderByDescending(i => open[i].File.Length),
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = stop.Token },
                i =>
                {
                    try
                    {
                        open[i].Verify(progress, _container.Path, stop.Token);
                    }
                    catch (V2VException e)
                    {
                        errors[i] = e;
                        stop.Cancel();
                    }
                });
        }
        catch (OperationCanceledException) when (errors.Any(e => e is not null))
        {
            // Stopped by the error below.
        }

        progress.Complete();
        if (errors.FirstOrDefault(e => e is not null) is { } error)
        {
            throw error;
        }
    }

    private void Add(string manifest, ManifestEntry entry)
    {
        string name;
        try
        {
            name = MemberName.Resolve(MemberName.Folder(manifest), entry.FileName, _container.Path);
        }
        catch (V2VException)
        {
            Warnings.Add($"The manifest '{manifest}' lists '{entry.FileName}', which is no file of the machine; it is ignored.");
            return;
        }

        // VMware lists files that it did not export.
        if (_container.FindReference(name) is not { } file)
        {
            Warnings.Add($"The manifest '{manifest}' lists '{entry.FileName}', which is not there.");
            return;
        }

        FileDigests? digests = _files.Find(f => f.File == file);
        if (digests is null)
        {
            _files.Add(digests = new FileDigests(file));
        }

        digests.Expected.Add((entry.Algorithm, entry.Digest));
    }

    /// <summary>A file and what its digests should be.</summary>
    private sealed class FileDigests(StoredFile file)
    {
        private const int BufferSize = 4 << 20;

        public StoredFile File { get; } = file;

        public HashSet<(HashAlgorithmName Algorithm, string Digest)> Expected { get; } = [];

        public bool IsVerified { get; private set; }

        public void Verify(ByteProgress progress, string container, CancellationToken cancellation)
        {
            List<IncrementalHash> hashes = [.. Expected.Select(e => e.Algorithm).Distinct().Select(IncrementalHash.CreateHash)];
            try
            {
                Hash(hashes, progress, cancellation);
                foreach ((HashAlgorithmName algorithm, string digest) in Expected)
                {
                    string actual = Convert.ToHexStringLower(hashes.Find(h => h.AlgorithmName == algorithm)!.GetCurrentHash());
                    if (actual != digest)
                    {
                        throw new V2VException(
                            "ManifestDigestMismatch",
                            V2VErrorKind.Corrupt,
                            $"'{File.Name}' is damaged: its {algorithm.Name} is {actual}, the manifest says {digest}.",
                            container,
                            "Obtain the machine again; or, if you changed it on purpose, import it with -SkipManifest.");
                    }
                }

                IsVerified = true;
            }
            finally
            {
                hashes.ForEach(h => h.Dispose());
            }
        }

        /// <summary>Reads one buffer while the other is hashed.</summary>
        private void Hash(List<IncrementalHash> hashes, ByteProgress progress, CancellationToken cancellation)
        {
            using BlockDevice device = File.Open();
            int size = (int)Math.Clamp(device.Length, 1, BufferSize);
            byte[] current = new byte[size];
            byte[] next = new byte[size];
            int count = ReadPart(device, 0, current);
            for (long offset = 0; count > 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                long following = offset + count;
                byte[] target = next;
                Task<int>? reading = following < device.Length ? Task.Run(() => ReadPart(device, following, target), CancellationToken.None) : null;
                try
                {
                    hashes.ForEach(h => h.AppendData(current.AsSpan(0, count)));
                }
                finally
                {
                    // The device must not go while it is read.
                    reading?.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Wait(CancellationToken.None);
                }

                progress.Add(count);
                count = reading?.GetAwaiter().GetResult() ?? 0;
                offset = following;
                (current, next) = (next, current);
            }
        }

        private static int ReadPart(BlockDevice device, long offset, byte[] buffer)
        {
            int count = (int)Math.Min(buffer.Length, device.Length - offset);
            device.Read(offset, buffer.AsSpan(0, count));
            return count;
        }
    }
}
