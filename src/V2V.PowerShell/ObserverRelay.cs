using System.Collections.Concurrent;
using System.Diagnostics;
using System.Management.Automation;
using System.Runtime.ExceptionServices;
using V2V.Core;

namespace V2V.PowerShell;

/// <summary>
/// Carries what a stage reports from its threads to the pipeline's thread, the only one that may write to PowerShell's
/// streams. Of progress only the newest report is kept.
/// </summary>
internal sealed class ObserverRelay(PSCmdlet cmdlet, CancellationTokenSource stop) : IOperationObserver, IDisposable
{
    private static readonly TimeSpan s_progressInterval = TimeSpan.FromMilliseconds(100);
    private static int s_activityIds;
    private readonly BlockingCollection<Action> _reports = [];
    private readonly int _activityId = Interlocked.Increment(ref s_activityIds);
    private OperationProgress? _newest;
    private readonly Lock _newestLock = new();
    private bool _isShown;
    private long _shownAt;

    public CancellationToken CancellationToken => stop.Token;

    /// <summary>Runs the stage on another thread and passes its reports on until it ends.</summary>
    public T Run<T>(Func<IOperationObserver, T> stage)
    {
        Task<T> running = Task.Run(() =>
        {
            try
            {
                return stage(this);
            }
            finally
            {
                _reports.CompleteAdding();
            }
        });
        ExceptionDispatchInfo? refusal = null;
        foreach (Action report in _reports.GetConsumingEnumerable())
        {
            try
            {
                if (refusal is null)
                {
                    report();
                }
            }
            catch (RuntimeException error)
            {
                // The pipeline takes no more (Ctrl-C, or -WarningAction Stop): the stage has to end and clean up first.
                refusal = ExceptionDispatchInfo.Capture(error);
                stop.Cancel();
            }
        }

        if (refusal is not null)
        {
            running.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Wait();
            refusal.Throw();
        }

        try
        {
            return running.GetAwaiter().GetResult();
        }
        finally
        {
            if (_isShown && !stop.IsCancellationRequested)
            {
                cmdlet.WriteProgress(new ProgressRecord(_activityId, "V2V", "Done") { RecordType = ProgressRecordType.Completed });
            }
        }
    }

    public void Progress(OperationProgress progress)
    {
        lock (_newestLock)
        {
            bool isQueued = _newest is not null;
            _newest = progress;
            if (isQueued)
            {
                return;
            }
        }

        Queue(ShowNewest);
    }

    public void Warning(string message) => Queue(() => cmdlet.WriteWarning(message));

    public void Verbose(string message) => Queue(() => cmdlet.WriteVerbose(message));

    public void Dispose() => _reports.Dispose();

    private void Queue(Action report)
    {
        try
        {
            _reports.Add(report, CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            // A straggling thread reports after the stage has ended; nobody is listening any more.
        }
    }

    private void ShowNewest()
    {
        OperationProgress progress;
        lock (_newestLock)
        {
            progress = _newest!.Value;
            _newest = null;
        }

        if (_isShown && Stopwatch.GetElapsedTime(_shownAt) < s_progressInterval)
        {
            return;
        }

        _shownAt = Stopwatch.GetTimestamp();
        var record = new ProgressRecord(_activityId, progress.Activity, Status(progress))
        {
            PercentComplete = progress.TotalBytes > 0 ? (int)Math.Clamp(progress.DoneBytes * 100.0 / progress.TotalBytes, 0, 100) : -1,
            SecondsRemaining = progress.TimeLeft is { } left ? (int)Math.Min(left.TotalSeconds, int.MaxValue) : -1,
        };
        _isShown = true;
        cmdlet.WriteProgress(record);
    }

    private static string Status(OperationProgress progress)
    {
        string status = progress.Status.Length == 0 ? "Working" : progress.Status;
        if (progress.TotalBytes <= 0)
        {
            return status;
        }

        string rate = progress.BytesPerSecond > 0 ? FormattableString.Invariant($", {progress.BytesPerSecond / (1 << 20):F0} MiB/s") : "";
        return FormattableString.Invariant($"{status}: {progress.DoneBytes / (double)(1 << 20):F0} of {progress.TotalBytes / (double)(1 << 20):F0} MiB{rate}");
    }
}
