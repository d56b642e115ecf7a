using V2V.Storage;

namespace V2V.FileSystems.Iso;

/// <summary>
/// An ISO 9660 volume by its descriptors (ECMA-119 8): which tree of directories is read. Rock Ridge comes before Joliet, because it has
/// links, owners and names of any bytes; Joliet comes before the plain names.
/// </summary>
internal sealed class IsoVolume
{
    private const int SectorSize = 2048;
    private const int FirstDescriptor = 16;
    private const int MaxDescriptors = 64;
    private const byte PrimaryType = 1;
    private const byte SupplementaryType = 2;
    private const byte TerminatorType = 255;
    private const int RootRecordOffset = 156;

    /// <summary>Most bytes of continuation areas that are read of one image; an honest one has a few hundred for each file.</summary>
    private const long MaxContinuationBytes = 256 << 20;

    private long _continuationBytes;

    private IsoVolume(BlockDevice device, byte[] primary, byte[]? joliet)
    {
        Device = device;
        BlockSize = BlockSizeOf(primary);
        BlockCount = Le.U32(primary, 80);
        IsoRecord root = RootRecord(primary);
        SystemUse = SystemUseArea.Detect(this, root);
        IsJoliet = !SystemUse.IsRockRidge && joliet is not null;
        Root = IsJoliet ? RootRecord(joliet!) : root;
    }

    public BlockDevice Device { get; }

    /// <summary>Logical block size in bytes: 512, 1024 or 2048.</summary>
    public int BlockSize { get; }

    /// <summary>Blocks of the volume, as its descriptor says.</summary>
    public long BlockCount { get; }

    /// <summary>True if names are Joliet's, in UCS-2.</summary>
    public bool IsJoliet { get; }

    /// <summary>How the records' system use fields are read.</summary>
    public SystemUseArea SystemUse { get; }

    /// <summary>The root directory.</summary>
    public IsoRecord Root { get; }

    /// <exception cref="V2VException"><c>IsoDescriptorInvalid</c>.</exception>
    public static IsoVolume Open(BlockDevice device)
    {
        byte[]? primary = null, joliet = null;
        byte[] descriptor = new byte[SectorSize];
        for (int i = 0; i < MaxDescriptors && (FirstDescriptor + i + 1L) * SectorSize <= device.Length; i++)
        {
            device.Read((FirstDescriptor + (long)i) * SectorSize, descriptor);
            if (!descriptor.AsSpan(1).StartsWith("CD001"u8) || descriptor[0] == TerminatorType)
            {
                break;
            }

            if (descriptor[0] == PrimaryType && primary is null)
            {
                primary = [.. descriptor];
            }
            else if (descriptor[0] == SupplementaryType && IsJolietEscape(descriptor.AsSpan(88, 3)))
            {
                joliet = [.. descriptor];
            }
        }

        return primary is null ? throw IsoErrors.Descriptor("there is no primary one") : new IsoVolume(device, primary, joliet);
    }

    /// <summary>Reads from a block on.</summary>
    /// <exception cref="V2VException">The range lies outside the image.</exception>
    public void Read(long block, int skip, Span<byte> buffer, string path)
    {
        long offset = (block * BlockSize) + skip;
        if (offset > Device.Length - buffer.Length)
        {
            throw IsoErrors.Content(path, "it lies outside the image");
        }

        Device.Read(offset, buffer);
    }

    /// <summary>Reads a continuation area of system use fields.</summary>
    /// <exception cref="V2VException"><c>IsoDirectoryCorrupt</c>: there are more than any honest image has; <c>IsoFileCorrupt</c>.</exception>
    public void ReadContinuation(long block, int skip, Span<byte> buffer)
    {
        _continuationBytes += buffer.Length;
        if (_continuationBytes > MaxContinuationBytes)
        {
            throw IsoErrors.Directory("/", "its continuation areas never end");
        }

        Read(block, skip, buffer, "/");
    }

    /// <summary>The escape sequences of Joliet's three levels: %/@, %/C and %/E.</summary>
    private static bool IsJolietEscape(ReadOnlySpan<byte> escape) => escape[0] == (byte)'%' && escape[1] == (byte)'/' && escape[2] is (byte)'@' or (byte)'C' or (byte)'E';

    private static int BlockSizeOf(byte[] primary)
    {
        int size = Le.U16(primary, 128);
        return size is 512 or 1024 or 2048 ? size : throw IsoErrors.Descriptor(FormattableString.Invariant($"blocks of {size} bytes"));
    }

    private static IsoRecord RootRecord(byte[] descriptor) =>
        IsoRecord.TryParse(descriptor.AsSpan(RootRecordOffset, IsoRecord.MinLength)) is { IsDirectory: true } root ? root : throw IsoErrors.Descriptor("the root directory's record is none");
}
