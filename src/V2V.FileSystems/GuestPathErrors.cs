using V2V.Storage;

namespace V2V.FileSystems;

/// <summary>What every file system says of a path that cannot be used as it was asked for (docs/errors/ext.md lists the identifiers).</summary>
internal static class GuestPathErrors
{
    public static V2VException NotDirectory(string path) =>
        new("GuestNotDirectory", V2VErrorKind.InvalidArgument, $"The guest's {path} is not a directory.", path);

    public static V2VException NotFile(string path) =>
        new("GuestNotFile", V2VErrorKind.InvalidArgument, $"The guest's {path} is not a regular file.", path);

    public static V2VException NotSymbolicLink(string path) =>
        new("GuestNotSymbolicLink", V2VErrorKind.InvalidArgument, $"The guest's {path} is not a symbolic link.", path);

    public static V2VException IsDirectory(string path) =>
        new("GuestIsDirectory", V2VErrorKind.InvalidArgument, $"The guest's {path} is a directory.", path);

    public static V2VException OneNameOnly(string path) =>
        new("GuestIsDirectory", V2VErrorKind.InvalidArgument, $"The guest's {path} is a directory; it can have one name only.", path);

    public static V2VException Exists(string path) =>
        new("GuestFileExists", V2VErrorKind.Exists, $"The guest already has a file {path}.", path);

    public static V2VException NotEmpty(string path) =>
        new("GuestDirectoryNotEmpty", V2VErrorKind.InvalidState, $"The guest's directory {path} is not empty.", path);

    public static V2VException InUse(string path) =>
        new("GuestFileInUse", V2VErrorKind.InvalidState, $"The guest's {path} is open.", path);

    public static V2VException Invalid(string path) =>
        new("GuestPathInvalid", V2VErrorKind.InvalidArgument, $"'{path}' is not an absolute path without '.' and '..'.", path);

    public static V2VException Root(string path) =>
        new("GuestPathInvalid", V2VErrorKind.InvalidArgument, "The root directory cannot be created, renamed or deleted.", path);

    public static V2VException NameTooLong(string path, int maximum) =>
        new("GuestPathInvalid", V2VErrorKind.InvalidArgument, FormattableString.Invariant($"A name is longer than {maximum} bytes."), path);

    public static V2VException BelowItself(string path) =>
        new("GuestPathInvalid", V2VErrorKind.InvalidArgument, $"A directory cannot be moved below itself to {path}.", path);

    public static V2VException LinkTarget(string path) =>
        new("GuestPathInvalid", V2VErrorKind.InvalidArgument, $"The target of the link {path} is empty or too long.", path);
}
