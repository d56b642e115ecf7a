using V2V.Storage.Images;

namespace V2V.Storage.Vmdk;

/// <summary>Puts a disk together from its descriptor, its extents and its parent. Everything opened is closed again when one part fails.</summary>
internal sealed class VmdkOpener(ImageOpenContext context)
{
    private readonly List<BlockDevice> _opened = [];

    /// <summary>Opens a disk; owns <paramref name="file"/> from here on.</summary>
    public VmdkImage Open(BlockDevice file)
    {
        _opened.Add(file);
        try
        {
            return OpenAny(file);
        }
        catch
        {
            foreach (BlockDevice device in _opened)
            {
                device.Dispose();
            }

            throw;
        }
    }

    private VmdkImage OpenAny(BlockDevice file)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(512, file.Length)];
        file.Read(0, start);
        if (VmdkDescriptor.IsDescriptor(start))
        {
            VmdkDescriptor descriptor = ReadDescriptor(file, 0, file.Length);
            return Assemble(descriptor);
        }

        if (SparseHeader.HasMagic(start))
        {
            SparseHeader header = SparseHeader.Read(file, context.Name);
            VmdkDescriptor? descriptor = header.DescriptorOffset == 0
                ? null
                : ReadDescriptor(file, header.DescriptorOffset * SparseHeader.SectorSize, header.DescriptorSize * SparseHeader.SectorSize);
            if (header.Capacity == 0)
            {
                return Assemble(descriptor ?? throw SparseHeader.Invalid(context.Name, "the capacity"));
            }

            BlockDevice? embeddedParent = descriptor is null ? null : OpenParent(descriptor);
            return new VmdkImage(descriptor, [OpenHosted(file, context.Name, header, null, ParentView(embeddedParent, 0, header.Capacity * 512))], embeddedParent);
        }

        return new VmdkImage(null, [OpenSparse(file, context.Name, null, null)], null);
    }

    private VmdkImage Assemble(VmdkDescriptor descriptor)
    {
        BlockDevice? parent = OpenParent(descriptor);
        List<BlockDevice> extents = [];
        long start = 0;
        foreach (VmdkExtentLine line in descriptor.Extents)
        {
            if (start > long.MaxValue - (line.Sectors * SparseHeader.SectorSize))
            {
                throw VmdkDescriptor.Invalid(context.Name, "the extents are too large");
            }

            BlockDevice extent = OpenExtent(line, parent, start, descriptor);
            extents.Add(extent);
            start += extent.Length;
        }

        if (extents.Count == 0)
        {
            throw VmdkDescriptor.Invalid(context.Name, "it has no extents");
        }

        return new VmdkImage(descriptor, extents, parent);
    }

    private BlockDevice OpenExtent(VmdkExtentLine line, BlockDevice? parent, long start, VmdkDescriptor descriptor)
    {
        long length = line.Sectors * SparseHeader.SectorSize;
        if (line.Type == "ZERO")
        {
            return new ZeroDevice(length);
        }

        if (line.Access == "NOACCESS")
        {
            throw V2VException.Unsupported("VmdkExtentNoAccess", $"The extent '{line.FileName}' of the disk is marked as not accessible.", context.Name);
        }

        if (line.Type is not ("FLAT" or "VMFS" or "SPARSE" or "VMFSSPARSE" or "SESPARSE"))
        {
            bool isDevice = line.Type is "VMFSRDM" or "VMFSRAW";
            throw isDevice ? DeviceExtent(line) : V2VException.Unsupported(
                "VmdkExtentTypeUnsupported", $"The extent type {line.Type} is not known.", context.Name, "Clone the disk to another type and export it again.");
        }

        if (line.FileName.Length == 0)
        {
            throw VmdkDescriptor.Invalid(context.Name, "an extent has no file name");
        }

        if (descriptor.CreateType.ToUpperInvariant() is "FULLDEVICE" or "PARTITIONEDDEVICE" && line.Type == "FLAT" && IsDevicePath(line.FileName))
        {
            throw DeviceExtent(line);
        }

        (BlockDevice file, ImageOpenContext _) = context.OpenReference(line.FileName);
        _opened.Add(file);
        return line.Type is "FLAT" or "VMFS"
            ? OpenFlat(file, line, length)
            : OpenSparse(file, line.FileName, length, ParentView(parent, start, length));
    }

    private SubDevice OpenFlat(BlockDevice file, VmdkExtentLine line, long length)
    {
        long offset = line.OffsetSectors * SparseHeader.SectorSize;
        return offset <= file.Length - length
            ? new SubDevice(file, offset, length, ownsParent: true)
            : throw V2VException.Corrupt(
                "VmdkExtentTruncated", FormattableString.Invariant($"The extent '{line.FileName}' is {file.Length} bytes long, but {offset + length} are needed."), context.Name);
    }

    /// <summary>Opens a sparse extent of any form, told by its first bytes.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="name">Its name.</param>
    /// <param name="length">Length in bytes by the descriptor; null to take the file's own.</param>
    /// <param name="parent">The parent's view of the range, or null.</param>
    private SparseExtent OpenSparse(BlockDevice file, string name, long? length, BlockDevice? parent)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(8, file.Length)];
        file.Read(0, start);
        if (SparseHeader.HasMagic(start))
        {
            return OpenHosted(file, name, SparseHeader.Read(file, name), length, parent);
        }

        if (CowdHeader.HasMagic(start))
        {
            CowdHeader header = CowdHeader.Read(file, name);
            return new PlainSparseExtent(
                file, name, HostedGrainMap.Open(file, name, header), header.GrainSectors * 512, CheckLength(header.Capacity * 512, length, name), parent);
        }

        if (SeSparseHeader.HasMagic(start))
        {
            SeSparseHeader header = SeSparseHeader.Read(file, name);
            return new PlainSparseExtent(
                file, name, SeSparseGrainMap.Open(file, name, header), SeSparseHeader.GrainSectors * 512, CheckLength(header.Capacity * 512, length, name), parent);
        }

        throw V2VException.Corrupt("VmdkHeaderInvalid", "The file is no sparse extent of a VMDK.", name);
    }

    private static SparseExtent OpenHosted(BlockDevice file, string name, SparseHeader header, long? length, BlockDevice? parent)
    {
        if (header.Capacity == 0)
        {
            throw SparseHeader.Invalid(name, "the capacity");
        }

        GrainMap map = HostedGrainMap.Open(file, name, header);
        int grainSize = header.GrainSectors * SparseHeader.SectorSize;
        long size = CheckLength(header.Capacity * SparseHeader.SectorSize, length, name);
        return header.IsCompressed
            ? new CompressedSparseExtent(file, name, map, grainSize, size, parent, header.HasMarkers)
            : new PlainSparseExtent(file, name, map, grainSize, size, parent);
    }

    private static long CheckLength(long capacity, long? wanted, string name) =>
        wanted is null || wanted <= capacity
            ? wanted ?? capacity
            : throw V2VException.Corrupt(
                "VmdkExtentTruncated", FormattableString.Invariant($"The extent '{name}' holds {capacity} bytes, but {wanted} are needed."), name);

    private BlockDevice? OpenParent(VmdkDescriptor descriptor)
    {
        if (descriptor.ParentCid == VmdkDescriptor.NoParent)
        {
            return null;
        }

        if (string.IsNullOrEmpty(descriptor.ParentFileNameHint))
        {
            throw new V2VException(
                "VmdkParentUnnamed", V2VErrorKind.NotFound, "The disk is a snapshot, but does not name its parent.", context.Name, "Consolidate the machine's snapshots and export it again.");
        }

        (BlockDevice file, ImageOpenContext parentContext) = context.OpenReference(descriptor.ParentFileNameHint);
        BlockDevice parent = DiskImage.Open(file, parentContext, "vmdk");
        _opened.Add(parent);
        if (parent is VmdkImage { Descriptor: { } found } && found.Cid != descriptor.ParentCid)
        {
            throw V2VException.Corrupt(
                "VmdkParentChanged",
                FormattableString.Invariant($"The parent '{descriptor.ParentFileNameHint}' has the content identifier {found.Cid:x8}, but the snapshot was made of {descriptor.ParentCid:x8}."),
                context.Name);
        }

        return parent;
    }

    private static BackingView? ParentView(BlockDevice? parent, long start, long length) =>
        parent is null ? null : new BackingView(parent, start, length, ownsBacking: false);

    private VmdkDescriptor ReadDescriptor(BlockDevice file, long offset, long size)
    {
        if (offset > file.Length)
        {
            throw VmdkDescriptor.Invalid(context.Name, "it lies behind the end of the file");
        }

        var bytes = new byte[(int)Math.Min(Math.Min(size, VmdkDescriptor.MaximumSize), file.Length - offset)];
        file.Read(offset, bytes);
        return VmdkDescriptor.Parse(bytes, context.Name);
    }

    private static bool IsDevicePath(string name) =>
        name.StartsWith("\\\\.\\", StringComparison.Ordinal) || name.StartsWith("/dev/", StringComparison.Ordinal);

    private V2VException DeviceExtent(VmdkExtentLine line) => V2VException.Unsupported(
        "VmdkDeviceExtent",
        $"The disk is a mapping of the physical device '{line.FileName}', whose data is not in the file.",
        context.Name,
        "Convert the raw device mapping into a virtual disk and export the machine again.");
}
