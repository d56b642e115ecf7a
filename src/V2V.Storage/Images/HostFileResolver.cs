namespace V2V.Storage.Images;

/// <summary>
/// Finds files on the host, beside the image that names them. Without <c>allowAbsolute</c> only files in the image's folder and
/// below can be reached, and no symbolic link leads out of it; an absolute name, as hypervisors write them for parents, is then
/// looked for in the folder by its last part.
/// </summary>
public sealed class HostFileResolver : IImageFileResolver
{
    private readonly string _folder;
    private readonly bool _allowAbsolute;

    /// <param name="folder">Folder of the image.</param>
    /// <param name="allowAbsolute">True to follow absolute names and names with <c>..</c>: for disks that the user named and for our own overlays.</param>
    public HostFileResolver(string folder, bool allowAbsolute)
    {
        _folder = Path.GetFullPath(folder);
        _allowAbsolute = allowAbsolute;
    }

    /// <inheritdoc/>
    public ResolvedImageFile Open(string name)
    {
        string path = Resolve(name);
        return new ResolvedImageFile(
            FileDevice.Open(path),
            path,
            _allowAbsolute ? new HostFileResolver(Path.GetDirectoryName(path)!, true) : this);
    }

    private string Resolve(string name)
    {
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal))
        {
            throw Forbidden(name);
        }

        if (_allowAbsolute)
        {
            string direct = Path.GetFullPath(Path.Combine(_folder, name));
            if (File.Exists(direct))
            {
                return direct;
            }
        }

        bool isAbsolute = name[0] is '/' or '\\' || (name.Length > 1 && name[1] == ':');
        string[] parts = name.Split('/', '\\');
        if (!isAbsolute)
        {
            if (parts.Contains(".."))
            {
                throw Forbidden(name);
            }

            // Names are written with either separator, and with a backslash in the name itself on Linux.
            foreach (string relative in (string[])[name, Path.Combine([.. parts.Where(p => p is not ("" or "."))])])
            {
                string candidate = Path.GetFullPath(Path.Combine(_folder, relative));
                if (File.Exists(candidate))
                {
                    return CheckInside(candidate, name);
                }
            }
        }

        string beside = Path.GetFullPath(Path.Combine(_folder, parts[^1]));
        if (isAbsolute && parts[^1] is not ("" or "." or "..") && File.Exists(beside))
        {
            return CheckInside(beside, name);
        }

        throw new V2VException(
            "ImageFileNotFound",
            V2VErrorKind.NotFound,
            $"The image refers to the file '{name}', which is not there.",
            _folder,
            "Put all files of the disk (extents, parents, backing files) into one folder.");
    }

    private string CheckInside(string path, string name)
    {
        if (_allowAbsolute)
        {
            return path;
        }

        string root = _folder.EndsWith(Path.DirectorySeparatorChar) ? _folder : _folder + Path.DirectorySeparatorChar;
        if (!path.StartsWith(root, OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
        {
            throw Forbidden(name);
        }

        for (string current = path; current.Length > _folder.Length; current = Path.GetDirectoryName(current)!)
        {
            if (new FileInfo(current).LinkTarget is not null)
            {
                throw Forbidden(name);
            }
        }

        return path;
    }

    private V2VException Forbidden(string name) =>
        new(
            "ImageFileForbidden",
            V2VErrorKind.InvalidArgument,
            $"The image refers to '{name}', which lies outside the folder that it may use.",
            _folder,
            "If you trust the image, put the file beside it and correct the name in the image.");
}
