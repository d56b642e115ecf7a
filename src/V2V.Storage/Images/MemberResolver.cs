namespace V2V.Storage.Images;

/// <summary>Finds files among the members of an archive (an OVA) and nowhere else.</summary>
public sealed class MemberResolver : IImageFileResolver
{
    private readonly string _archive;
    private readonly Func<string, BlockDevice?> _open;

    /// <param name="archive">Name of the archive, for messages.</param>
    /// <param name="open">Opens a member by its exact name; null if there is none.</param>
    public MemberResolver(string archive, Func<string, BlockDevice?> open)
    {
        _archive = archive;
        _open = open;
    }

    /// <inheritdoc/>
    public ResolvedImageFile Open(string name)
    {
        string member = name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name;
        BlockDevice device = _open(member) ?? throw new V2VException(
            "ImageFileNotFound",
            V2VErrorKind.NotFound,
            $"A disk refers to the file '{name}', which is no member of the archive.",
            _archive,
            "Export the machine again with all of its disks consolidated.");
        return new ResolvedImageFile(device, member, this);
    }
}
