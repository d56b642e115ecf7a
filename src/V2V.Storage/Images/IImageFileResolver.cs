namespace V2V.Storage.Images;

/// <summary>
/// Opens the other files that an image refers to (extents, parents, backing files) by the name that is written in the image.
/// The name is hostile input: a resolver decides what may be reached at all.
/// </summary>
public interface IImageFileResolver
{
    /// <summary>Opens a file for reading.</summary>
    /// <param name="name">The name as the image has it.</param>
    /// <exception cref="V2VException"><c>ImageFileForbidden</c> if the name leads outside what may be read; <c>ImageFileNotFound</c>.</exception>
    ResolvedImageFile Open(string name);
}

/// <summary>A file that an image refers to.</summary>
/// <param name="Device">Its bytes; the caller disposes of it.</param>
/// <param name="Identity">What tells one file from another, for example the absolute path: detects loops.</param>
/// <param name="Resolver">Opens what that file refers to in turn.</param>
public sealed record ResolvedImageFile(BlockDevice Device, string Identity, IImageFileResolver Resolver);
