namespace V2V.Core;

/// <summary>How a stage reports while it works. The cmdlets turn it into PowerShell's streams; Core knows nothing of PowerShell.</summary>
public interface IOperationObserver
{
    /// <summary>Set when the user pressed Ctrl-C.</summary>
    CancellationToken CancellationToken { get; }

    /// <summary>Progress of a long operation.</summary>
    void Progress(OperationProgress progress);

    /// <summary>Something a user should know.</summary>
    void Warning(string message);

    /// <summary>Detail for -Verbose.</summary>
    void Verbose(string message);
}

/// <summary>A point in a long operation. May be reported from any thread.</summary>
/// <param name="Activity">What is being done, and to which machine.</param>
/// <param name="Status">What just now.</param>
/// <param name="DoneBytes">Bytes done.</param>
/// <param name="TotalBytes">Bytes to do; 0 if not known.</param>
/// <param name="BytesPerSecond">Rate, or 0.</param>
/// <param name="TimeLeft">Estimate, or null.</param>
/// <param name="IsCompleted">True for the last report of the operation.</param>
public readonly record struct OperationProgress(
    string Activity, string Status, long DoneBytes, long TotalBytes, double BytesPerSecond, TimeSpan? TimeLeft, bool IsCompleted);

/// <summary>An observer that drops everything.</summary>
public sealed class SilentObserver : IOperationObserver
{
    /// <summary>The one instance.</summary>
    public static SilentObserver Instance { get; } = new();

    /// <inheritdoc/>
    public CancellationToken CancellationToken => CancellationToken.None;

    /// <inheritdoc/>
    public void Progress(OperationProgress progress)
    {
    }

    /// <inheritdoc/>
    public void Warning(string message)
    {
    }

    /// <inheritdoc/>
    public void Verbose(string message)
    {
    }
}
