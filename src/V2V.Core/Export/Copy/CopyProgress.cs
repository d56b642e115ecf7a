using System.Diagnostics;

namespace V2V.Core.Export.Copy;

/// <summary>Progress over all disks of a machine. Blocks are counted from every thread; reports are made by the caller's own.</summary>
internal sealed class CopyProgress(IOperationObserver observer, string activity, long totalBytes)
{
    /// <summary>Time between two reports.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>Share of the newest interval in the rate: a few seconds of history.</summary>
    private const double Smoothing = 0.1;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private string _status = "";
    private long _done;
    private long _lastDone;
    private TimeSpan _lastTime;
    private double _rate;

    /// <summary>Bytes of data copied so far.</summary>
    public long DoneBytes => Interlocked.Read(ref _done);

    /// <summary>What is being copied just now.</summary>
    public void SetStatus(string status)
    {
        _status = status;
        Report();
    }

    /// <summary>Counts bytes of data.</summary>
    public void Add(long bytes) => Interlocked.Add(ref _done, bytes);

    /// <summary>Reports the state of things.</summary>
    public void Report() => observer.Progress(Sample(isCompleted: false));

    /// <summary>Makes the last report.</summary>
    public void Complete() => observer.Progress(Sample(isCompleted: true));

    private OperationProgress Sample(bool isCompleted)
    {
        long done = DoneBytes;
        TimeSpan now = _clock.Elapsed;
        double seconds = (now - _lastTime).TotalSeconds;
        if (seconds >= Interval.TotalSeconds / 2)
        {
            double newest = (done - _lastDone) / seconds;
            _rate = _rate == 0 ? newest : (Smoothing * newest) + ((1 - Smoothing) * _rate);
            _lastDone = done;
            _lastTime = now;
        }

        TimeSpan? left = _rate > 0 && now.TotalSeconds >= 1 ? TimeSpan.FromSeconds(Math.Min((totalBytes - done) / _rate, TimeSpan.FromDays(999).TotalSeconds)) : null;
        return new OperationProgress(activity, _status, done, totalBytes, _rate, isCompleted ? null : left, isCompleted);
    }
}
