using System.Buffers;
using System.Runtime.ExceptionServices;
using V2V.Core.Export.Targets;
using V2V.Storage;

namespace V2V.Core.Export.Copy;

/// <summary>
/// Copies one disk. Every thread takes the next block of data, reads it (which is where grains and clusters are
/// decompressed), and hands it to the target, which leaves out zeroes and writes at a position of its own: the threads
/// share nothing but the plan. Each owns one buffer.
/// </summary>
internal sealed class DiskCopier
{
    private readonly BlockDevice _source;
    private readonly DiskTarget _target;
    private readonly CopyProgress _progress;
    private readonly CancellationToken _cancellation;
    private ExceptionDispatchInfo? _failure;

    private DiskCopier(BlockDevice source, DiskTarget target, CopyProgress progress, CancellationToken cancellation)
    {
        _source = source;
        _target = target;
        _progress = progress;
        _cancellation = cancellation;
    }

    /// <summary>Copies all data of a disk and completes the target.</summary>
    /// <param name="source">The disk.</param>
    /// <param name="target">Receives the data.</param>
    /// <param name="workers">Number of threads.</param>
    /// <param name="progress">Told about every block.</param>
    /// <param name="cancellation">Stops the copy within a block.</param>
    public static void Copy(BlockDevice source, DiskTarget target, int workers, CopyProgress progress, CancellationToken cancellation) =>
        new DiskCopier(source, target, progress, cancellation).Run(workers);

    private bool MustStop => _cancellation.IsCancellationRequested || Volatile.Read(ref _failure) is not null;

    private void Run(int workers)
    {
        using (var plan = new CopyPlan(_source, workers, _target.CompleteBefore))
        using (var done = new CountdownEvent(workers))
        {
            for (int i = 0; i < workers; i++)
            {
                int worker = i;
                new Thread(() => Work(plan, worker, done)) { IsBackground = true, Name = "V2V copy" }.Start();
            }

            while (!done.Wait(CopyProgress.Interval))
            {
                _progress.Report();
                _target.StartWriteback();
            }
        }

        Volatile.Read(ref _failure)?.Throw();
        _cancellation.ThrowIfCancellationRequested();
        _target.Complete();
    }

    private void Work(CopyPlan plan, int worker, CountdownEvent done)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyPlan.ItemSize);
        var fragments = new List<BlockExtent>(CopyPlan.ItemSize / 4096);
        try
        {
            while (!MustStop && plan.TryTake(worker, fragments))
            {
                CopyBlock(fragments, buffer);
            }
        }
#pragma warning disable CA1031 // Whatever a thread dies of is thrown again by the thread that waits for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            done.Signal();
        }
    }

    /// <summary>Copies fragments that lie in one block: those that meet within a unit of the target are written as one run.</summary>
    private void CopyBlock(List<BlockExtent> fragments, byte[] buffer)
    {
        long unit = _target.Unit;
        for (int i = 0; i < fragments.Count;)
        {
            long start = fragments[i].Offset / unit * unit;
            long end = start;
            long filled = start;
            long bytes = 0;
            for (; i < fragments.Count && (end == start || fragments[i].Offset < end); i++)
            {
                BlockExtent fragment = fragments[i];
                if (MustStop)
                {
                    return;
                }

                buffer.AsSpan((int)(filled - start), (int)(fragment.Offset - filled)).Clear();
                _source.Read(fragment.Offset, buffer.AsSpan((int)(fragment.Offset - start), (int)fragment.Length));
                filled = fragment.End;
                bytes += fragment.Length;
                end = Math.Min((fragment.End + unit - 1) / unit * unit, _source.Length);
            }

            buffer.AsSpan((int)(filled - start), (int)(end - filled)).Clear();
            _target.Write(start, buffer.AsSpan(0, (int)(end - start)));
            _progress.Add(bytes);
        }
    }
}
