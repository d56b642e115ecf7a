using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>A volume: its sizes, its file records and its free clusters. Start here to read how the parts fit together.</summary>
internal sealed class NtfsVolume
{
    public const long MftNumber = 0;
    public const long MirrorNumber = 1;
    public const long LogFileNumber = 2;
    public const long VolumeNumber = 3;
    public const long RootNumber = 5;
    public const long BitmapNumber = 6;
    public const long BadClustersNumber = 8;
    public const long SecureNumber = 9;
    public const long UpCaseNumber = 10;
    public const long ExtendNumber = 11;

    /// <summary>Records below this one belong to NTFS.</summary>
    public const long FirstUserRecord = 16;

    public NtfsVolume(BlockDevice device)
    {
        Device = device;
        Geometry = NtfsGeometry.Read(device);
        Content = new AttributeContent(this);
        Mft = new MasterFileTable(this);
        UpCase = UpCaseTable.Read(this);
        Bitmap = new ClusterBitmap(this);
        FileRecord volume = Mft.Get(VolumeNumber);
        byte[] information = volume.GetValue(AttributeType.VolumeInformation, "", 12);
        Version = (information[8], information[9]);
        IsDirty = (information[10] & 1) != 0;
        if (Version.Major is < 1 or > 3)
        {
            throw V2VException.Unsupported(
                "NtfsVersionUnsupported", FormattableString.Invariant($"NTFS of version {Version.Major}.{Version.Minor} is not known."));
        }
    }

    public BlockDevice Device { get; }

    public NtfsGeometry Geometry { get; }

    /// <summary>Bytes of attributes.</summary>
    public AttributeContent Content { get; }

    public MasterFileTable Mft { get; }

    public UpCaseTable UpCase { get; }

    public ClusterBitmap Bitmap { get; }

    /// <summary>1.2 is Windows NT 4, 3.0 Windows 2000, 3.1 everything since.</summary>
    public (byte Major, byte Minor) Version { get; }

    /// <summary>True if Windows would check the volume at the next start.</summary>
    public bool IsDirty { get; }

    /// <summary>The name index of a directory.</summary>
    public IndexTree OpenDirectory(FileRecord directory) => new(this, directory, "$I30", IndexCollation.FileName);

    /// <summary>A file of the folder <c>$Extend</c>, or null.</summary>
    public FileRecord? FindExtend(string name)
    {
        if (Version.Major < 3 || !Mft.IsInUse(ExtendNumber))
        {
            return null;
        }

        FileRecord extend = Mft.Get(ExtendNumber);
        return extend.IsDirectory && OpenDirectory(extend).FindName(name) is { } entry ? Mft.Get(entry.Reference) : null;
    }

    public void Flush()
    {
        Bitmap.Flush();
        Mft.Flush();
        Device.Flush();
    }
}
