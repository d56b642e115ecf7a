using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>A file as it is stored, in a folder or in an archive: a range of bytes of a host file. Nothing is open.</summary>
/// <param name="Name">Name relative to the container's top, with <c>/</c>.</param>
/// <param name="HostPath">Host file that holds the bytes.</param>
/// <param name="Member">Name inside the archive, or null if the host file is the file itself.</param>
/// <param name="Offset">First byte in the host file.</param>
/// <param name="Length">Length in bytes.</param>
internal sealed record StoredFile(string Name, string HostPath, string? Member, long Offset, long Length)
{
    /// <summary>Opens the bytes for reading.</summary>
    public BlockDevice Open() => FileDevice.Open(HostPath, offset: Offset, length: Length);

    /// <summary>Opens the bytes as a stream.</summary>
    public Stream OpenStream() => new DeviceStream(Open());

    /// <summary>Reads everything, for small files only.</summary>
    /// <param name="limit">Most bytes to read.</param>
    /// <param name="errorId">Error if the file is longer.</param>
    public byte[] ReadAll(int limit, string errorId)
    {
        if (Length > limit)
        {
            throw new V2VException(
                errorId,
                V2VErrorKind.Limit,
                FormattableString.Invariant($"'{Name}' has {Length} bytes, more than the {limit} that such a file may have."),
                HostPath,
                "Obtain the machine again; no hypervisor writes such a file.");
        }

        using BlockDevice device = Open();
        var bytes = new byte[(int)Length];
        device.Read(0, bytes);
        return bytes;
    }
}
