namespace V2V.Core.Tests.Sources;

/// <summary>Keeps everything that a stage reports.</summary>
internal sealed class RecordingObserver : IOperationObserver
{
    public CancellationTokenSource Source { get; } = new();

    public List<OperationProgress> Reports { get; } = [];

    public List<string> Warnings { get; } = [];

    public CancellationToken CancellationToken => Source.Token;

    public void Progress(OperationProgress progress)
    {
        lock (Reports)
        {
            Reports.Add(progress);
        }
    }

    public void Warning(string message)
    {
        lock (Warnings)
        {
            Warnings.Add(message);
        }
    }

    public void Verbose(string message)
    {
    }
}
