using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Drivers.Library;

/// <summary>Drivers in an image file: ISO 9660, UDF, or any other file system that V2V reads.</summary>
internal sealed class ImageLibrary : DriverLibrary
{
    private readonly BlockDevice _device;
    private readonly GuestFileSystem _files;

    private ImageLibrary(string path, BlockDevice device, GuestFileSystem files)
        : base(path)
    {
        _device = device;
        _files = files;
        List();
    }

    /// <exception cref="V2VException"><c>DriverLibraryUnknown</c>, or what is wrong with the file or its file system.</exception>
    internal static new ImageLibrary Open(string path)
    {
        BlockDevice device = FileDevice.Open(path);
        GuestFileSystem? files = null;
        try
        {
            files = FileSystemProbe.Open(device, writable: false);
            return new ImageLibrary(path, device, files);
        }
        catch (V2VException e)
        {
            files?.Dispose();
            device.Dispose();
            if (e.ErrorId is "FileSystemUnknown" or "FileSystemUnsupported")
            {
                throw new V2VException("DriverLibraryUnknown", V2VErrorKind.Unsupported, $"{path} is no ISO file with virtio drivers.", path, "Give the path of virtio-win's ISO file, or of the folder that its files are in.", e);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    internal override Stream OpenRead(string path) => _files.OpenRead("/" + path);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _files.Dispose();
        _device.Dispose();
        base.Dispose(disposing);
    }

    private void List()
    {
        var waiting = new Queue<(string Path, int Depth)>([("", 0)]);
        while (waiting.TryDequeue(out (string Path, int Depth) at))
        {
            foreach (DirectoryEntry entry in _files.EnumerateDirectory("/" + at.Path))
            {
                if (entry.Type == GuestFileType.File)
                {
                    Add(at.Path + entry.Name);
                }
                else if (entry.Type == GuestFileType.Directory && at.Depth < MaxDepth)
                {
                    waiting.Enqueue((at.Path + entry.Name + "/", at.Depth + 1));
                }

                if (waiting.Count > MaxFiles)
                {
                    throw TooLarge(Name, FormattableString.Invariant($"it has more than {MaxFiles} folders"));
                }
            }
        }
    }
}
