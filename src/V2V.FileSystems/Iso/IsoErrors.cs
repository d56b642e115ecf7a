using V2V.Storage;

namespace V2V.FileSystems.Iso;

/// <summary>Errors of ISO 9660 volumes.</summary>
internal static class IsoErrors
{
    public static V2VException Descriptor(string what) =>
        V2VException.Corrupt("IsoDescriptorInvalid", $"The volume descriptors of the ISO 9660 image are damaged: {what}.");

    public static V2VException Directory(string path, string what) =>
        V2VException.Corrupt("IsoDirectoryCorrupt", $"The directory {path} of the ISO 9660 image is damaged: {what}.", path);

    public static V2VException Content(string path, string what) =>
        V2VException.Corrupt("IsoFileCorrupt", $"The file {path} of the ISO 9660 image is damaged: {what}.", path);

    public static V2VException Interleaved(string path) =>
        V2VException.Unsupported("IsoInterleavedFile", $"The file {path} is interleaved with others, as no program writes ISO 9660 images any more.", path, "Copy the files of the image into a folder.");

    public static V2VException Compressed(string path) =>
        V2VException.Unsupported("IsoCompressedFile", $"The file {path} is compressed by zisofs.", path, "Copy the files of the image into a folder.");
}
