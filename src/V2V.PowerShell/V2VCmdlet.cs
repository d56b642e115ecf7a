using System.Management.Automation;
using V2V.Core;
using V2V.Storage;

namespace V2V.PowerShell;

/// <summary>
/// What the cmdlets share: a stage runs on a thread of its own while the pipeline's thread passes on what it reports; Ctrl-C
/// cancels it; a failure becomes one non-terminating error for the machine, and the pipeline goes on with the next.
/// </summary>
public abstract class V2VCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Releases the cancellation source.</summary>
    protected virtual void Dispose(bool disposing) => _stop.Dispose();

    /// <summary>True once Ctrl-C was pressed or the pipeline was stopped in another way.</summary>
    private protected bool IsStopped => _stop.IsCancellationRequested;

    /// <summary>Runs a stage for one machine. A failure is written as an error record.</summary>
    /// <returns>True and the result, or false if it failed.</returns>
    private protected bool TryRun<T>(object target, Func<IOperationObserver, T> stage, out T result)
    {
        using var relay = new ObserverRelay(this, _stop);
        try
        {
            result = relay.Run(stage);
            return true;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception error) when (error is not (PipelineStoppedException or ActionPreferenceStopException or OutOfMemoryException))
        {
            WriteError(Record(error, target));
            result = default!;
            return false;
        }
    }

    /// <summary>The error record of a failure: stable id, category, the object at fault, what to do.</summary>
    private protected static ErrorRecord Record(Exception error, object target)
    {
        switch (error)
        {
            case V2VException known:
                string message = known.Advice is null ? known.Message : known.Message + " " + known.Advice;
                return new ErrorRecord(known, known.ErrorId, Category(known.Kind), known.Target ?? target)
                {
                    ErrorDetails = new ErrorDetails($"{target}: {message}") { RecommendedAction = known.Advice ?? "" },
                };
            case UnauthorizedAccessException:
                return HostRecord(error, "HostAccessDenied", ErrorCategory.PermissionDenied, target, "Check the permissions of the file or folder.");
            case FileNotFoundException or DirectoryNotFoundException:
                return HostRecord(error, "HostFileNotFound", ErrorCategory.ObjectNotFound, target, "Check the path.");
            case IOException:
                return HostRecord(error, "HostIoError", ErrorCategory.DeviceError, target, "Check the device and its free space, then run the command again.");
            default:
                return HostRecord(error, "V2VInternalError", ErrorCategory.NotSpecified, target, "This is a defect of V2V: please report it with the output of Get-Error.");
        }
    }

    private static ErrorRecord HostRecord(Exception error, string id, ErrorCategory category, object target, string advice) =>
        new(error, id, category, target) { ErrorDetails = new ErrorDetails($"{target}: {error.Message} {advice}") { RecommendedAction = advice } };

    private static ErrorCategory Category(V2VErrorKind kind) => kind switch
    {
        V2VErrorKind.Corrupt => ErrorCategory.InvalidData,
        V2VErrorKind.Unsupported => ErrorCategory.NotImplemented,
        V2VErrorKind.NotFound => ErrorCategory.ObjectNotFound,
        V2VErrorKind.Exists => ErrorCategory.ResourceExists,
        V2VErrorKind.NoSpace => ErrorCategory.ResourceUnavailable,
        V2VErrorKind.Limit => ErrorCategory.LimitsExceeded,
        V2VErrorKind.HostIo => ErrorCategory.DeviceError,
        V2VErrorKind.InvalidArgument => ErrorCategory.InvalidArgument,
        V2VErrorKind.InvalidState => ErrorCategory.InvalidOperation,
        _ => ErrorCategory.NotSpecified,
    };
}
