namespace V2V.Storage;

/// <summary>What kind of failure an error is; each value maps onto one PowerShell error category.</summary>
public enum V2VErrorKind
{
    /// <summary>Bytes contradict the format they claim to be in: truncated, bit-flipped or hostile input.</summary>
    Corrupt,

    /// <summary>Legal input that V2V names and refuses.</summary>
    Unsupported,

    /// <summary>A file, member, disk or object that is referred to does not exist.</summary>
    NotFound,

    /// <summary>The target exists already and overwriting was not asked for.</summary>
    Exists,

    /// <summary>Too little space, bytes or inodes, on the host or in the guest.</summary>
    NoSpace,

    /// <summary>A limit that protects the host was reached (decompression bomb, entity bomb, loop of references).</summary>
    Limit,

    /// <summary>The host denied access, or a device failed.</summary>
    HostIo,

    /// <summary>The caller asked for something contradictory.</summary>
    InvalidArgument,

    /// <summary>The state of the guest forbids the operation (hibernated, dirty, encrypted without a key).</summary>
    InvalidState,
}

/// <summary>
/// The one exception type that V2V throws for anything a user can run into. Every instance carries a stable
/// <see cref="ErrorId"/>, the name of the object that is at fault and what the user can do about it.
/// </summary>
public class V2VException : Exception
{
    /// <param name="errorId">Stable identifier in PascalCase, documented in docs/errors.md, for example <c>VmdkGrainTruncated</c>.</param>
    /// <param name="kind">The kind of failure.</param>
    /// <param name="message">One sentence that says what is wrong.</param>
    /// <param name="target">The object at fault: a file, a disk, a guest path.</param>
    /// <param name="advice">What the user can do; one sentence.</param>
    /// <param name="innerException">The cause, if any.</param>
    public V2VException(
        string errorId,
        V2VErrorKind kind,
        string message,
        string? target = null,
        string? advice = null,
        Exception? innerException = null)
        : base(message, innerException)
    {
        ErrorId = errorId;
        Kind = kind;
        Target = target;
        Advice = advice;
    }

    /// <summary>Stable identifier in PascalCase.</summary>
    public string ErrorId { get; }

    /// <summary>The kind of failure.</summary>
    public V2VErrorKind Kind { get; }

    /// <summary>The object at fault.</summary>
    public string? Target { get; }

    /// <summary>What the user can do about it.</summary>
    public string? Advice { get; }

    /// <summary>Input that contradicts its own format.</summary>
    public static V2VException Corrupt(string errorId, string message, string? target = null, Exception? inner = null) =>
        new(errorId, V2VErrorKind.Corrupt, message, target, "The input is damaged or incomplete: obtain it again and compare its digest.", inner);

    /// <summary>Legal input that is refused by name.</summary>
    public static V2VException Unsupported(string errorId, string message, string? target = null, string? advice = null) =>
        new(errorId, V2VErrorKind.Unsupported, message, target, advice);
}
