using V2V.Storage;

namespace V2V.FileSystems.Udf;

/// <summary>Errors of UDF volumes.</summary>
internal static class UdfErrors
{
    public static V2VException Volume(string what) => V2VException.Corrupt("UdfVolumeInvalid", $"The UDF volume is damaged: {what}.");

    public static V2VException Descriptor(string what, long block) =>
        V2VException.Corrupt("UdfDescriptorCorrupt", FormattableString.Invariant($"{what} in block {block} of the UDF volume is damaged."));

    public static V2VException File(string path, string what) => V2VException.Corrupt("UdfFileCorrupt", $"The file {path} of the UDF volume is damaged: {what}.", path);

    public static V2VException Directory(string path, string what) => V2VException.Corrupt("UdfDirectoryCorrupt", $"The directory {path} of the UDF volume is damaged: {what}.", path);

    public static V2VException Partition(string kind) =>
        V2VException.Unsupported("UdfPartitionUnsupported", $"The UDF volume has a partition of the kind '{kind}'.", kind, "Copy the files of the volume into a folder.");

    public static V2VException Strategy(int strategy) => V2VException.Unsupported(
        "UdfStrategyUnsupported",
        FormattableString.Invariant($"A file of the UDF volume is described by the ICB strategy {strategy}; 4 and 4096 are known."),
        null,
        "Copy the files of the volume into a folder.");
}
