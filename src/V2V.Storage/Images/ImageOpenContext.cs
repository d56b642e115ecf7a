namespace V2V.Storage.Images;

/// <summary>Where an image stands in a chain of references: who may be opened from it, and what led to it.</summary>
internal sealed record ImageOpenContext(string Name, IImageFileResolver Resolver, ImageOpenContext? ReferredBy = null)
{
    /// <summary>Most images in a chain.</summary>
    public const int MaximumDepth = 64;

    /// <summary>Opens a file that this image refers to, unless the chain runs in a circle or is too deep.</summary>
    public (BlockDevice Device, ImageOpenContext Context) OpenReference(string name)
    {
        int depth = 0;
        for (ImageOpenContext? at = this; at is not null; at = at.ReferredBy)
        {
            depth++;
        }

        if (depth >= MaximumDepth)
        {
            throw new V2VException(
                "ImageChainTooDeep",
                V2VErrorKind.Limit,
                FormattableString.Invariant($"More than {MaximumDepth} images refer to each other."),
                Name,
                "Consolidate the disk's snapshots.");
        }

        ResolvedImageFile file = Resolver.Open(name);
        for (ImageOpenContext? at = this; at is not null; at = at.ReferredBy)
        {
            if (string.Equals(at.Name, file.Identity, StringComparison.Ordinal))
            {
                file.Device.Dispose();
                throw new V2VException(
                    "ImageReferenceLoop", V2VErrorKind.Limit, $"The image refers to itself by way of '{name}'.", Name, "Obtain the disk's files again.");
            }
        }

        return (file.Device, new ImageOpenContext(file.Identity, file.Resolver, this));
    }
}
