using V2V.Core.Sources.Containers;
using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources;

/// <summary>
/// Opens what a disk of an OVF refers to, within the machine's own files. A parent that the image names by a file name of its old host is
/// the one that the OVF names (<c>parentRef</c>). Says which host files it opened.
/// </summary>
internal sealed class OvaFileResolver(IImageFileResolver files, IReadOnlyList<StoredFile> parents, Action<string>? opened = null) : IImageFileResolver
{
    /// <inheritdoc/>
    public ResolvedImageFile Open(string name)
    {
        ResolvedImageFile file;
        IReadOnlyList<StoredFile> left = parents;
        try
        {
            file = files.Open(name);
        }
        catch (V2VException e) when (e.ErrorId is "ImageFileNotFound" or "ImageFileForbidden" && parents.Count > 0)
        {
            StoredFile parent = parents[0];
            left = [.. parents.Skip(1)];
            file = new ResolvedImageFile(parent.Open(), parent.Member ?? parent.HostPath, files);
        }

        if (file.Device is FileDevice device)
        {
            opened?.Invoke(device.Path);
        }

        return file with { Resolver = new OvaFileResolver(file.Resolver, left, opened) };
    }
}
