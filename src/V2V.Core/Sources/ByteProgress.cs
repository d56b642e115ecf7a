using System.Diagnostics;

namespace V2V.Core.Sources;

/// <summary>Counts bytes from several threads and reports them a few times a second.</summary>
internal sealed class ByteProgress(IOperationObserver observer, string activity, long total)
{
    private const long IntervalMilliseconds = 200;

    private readonly long _start = Stopwatch.GetTimestamp();
    private long _done;
    private long _lastReport;

    /// <summary>What is being worked on.</summary>
    public string Status { get; set; } = "";

    /// <summary>Adds bytes that are done.</summary>
    public void Add(long bytes)
    {
        long done = Interlocked.Add(ref _done, bytes);
        long now = Environment.TickCount64;
        long last = Interlocked.Read(ref _lastReport);
        if (now - last >= IntervalMilliseconds && Interlocked.CompareExchange(ref _lastReport, now, last) == last)
        {
            Report(done, isCompleted: false);
        }
    }

    /// <summary>Reports the end.</summary>
    public void Complete() => Report(Interlocked.Read(ref _done), isCompleted: true);

    private void Report(long done, bool isCompleted)
    {
        double seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        double rate = seconds > 0 ? done / seconds : 0;
        TimeSpan? left = total > done && rate > 0 ? TimeSpan.FromSeconds(Math.Min((total - done) / rate, 1e7)) : null;
        observer.Progress(new OperationProgress(activity, Status, done, total, rate, left, isCompleted));
    }
}
