using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Security descriptors: since NTFS 3.0 each is stored once in the stream <c>$SDS</c> of <c>$Secure</c> (with a copy 256 KiB further), and found by id
/// (<c>$SII</c>) or by hash (<c>$SDH</c>). Older files carry their own.
/// </summary>
internal sealed class SecurityStore(NtfsVolume volume)
{
    private const int MaxDescriptor = 64 << 10;
    private const int EntryHeader = 20;
    private const int MirrorDistance = 256 << 10;
    private const uint FirstId = 0x100;

    private readonly Dictionary<uint, byte[]> _known = [];

    /// <summary>The descriptor of a file, or null if it has none.</summary>
    public byte[]? Read(FileRecord file)
    {
        if (file.Find(AttributeType.SecurityDescriptor) is { } own)
        {
            return volume.Content.ReadAll(own, MaxDescriptor);
        }

        uint id = StandardInformation.Of(file).SecurityId;
        return id == 0 ? null : ReadShared(id);
    }

    /// <summary>Gives a file a descriptor.</summary>
    public void Assign(FileRecord file, byte[] descriptor)
    {
        if (file.Find(AttributeType.SecurityDescriptor) is { } own)
        {
            volume.Content.Free(own);
            file.Attributes.Remove(own);
        }

        StandardInformation information = StandardInformation.Of(file);
        if (information.Raw.Length < StandardInformation.Size || Store() is not { } secure)
        {
            file.Attributes.Add(new NtfsAttribute(AttributeType.SecurityDescriptor, "") { Value = descriptor });
            return;
        }

        information.SecurityId = Share(secure, descriptor);
    }

    /// <summary>The hash by which <c>$SDH</c> finds a descriptor.</summary>
    public static uint Hash(ReadOnlySpan<byte> descriptor)
    {
        uint hash = 0;
        for (int i = 0; i + 4 <= descriptor.Length; i += 4)
        {
            hash = System.Numerics.BitOperations.RotateLeft(hash, 3) + ReadUInt32LittleEndian(descriptor[i..]);
        }

        return hash;
    }

    private FileRecord? Store()
    {
        if (volume.Version.Major < 3)
        {
            return null;
        }

        FileRecord secure = volume.Mft.Get(NtfsVolume.SecureNumber);
        return secure.Find(AttributeType.Data, "$SDS") is not null && secure.Find(AttributeType.IndexRoot, "$SII") is not null ? secure : null;
    }

    private byte[] ReadShared(uint id)
    {
        if (_known.TryGetValue(id, out byte[]? descriptor))
        {
            return descriptor;
        }

        Span<byte> key = stackalloc byte[4];
        WriteUInt32LittleEndian(key, id);
        FileRecord secure = Store() ?? throw NtfsErrors.Security("$Secure has no descriptors");
        IndexEntry entry = new IndexTree(volume, secure, "$SII", IndexCollation.UnsignedInteger).Find(key)
            ?? throw NtfsErrors.Security(FormattableString.Invariant($"there is no descriptor {id}"));
        descriptor = ReadStored(secure, entry.Data);
        if (_known.Count < 4096)
        {
            _known.Add(id, descriptor);
        }

        return descriptor;
    }

    private byte[] ReadStored(FileRecord secure, ReadOnlySpan<byte> data)
    {
        if (data.Length < EntryHeader)
        {
            throw NtfsErrors.Security("an index entry is too short");
        }

        long offset = ReadInt64LittleEndian(data[8..]);
        uint length = ReadUInt32LittleEndian(data[16..]);
        if (length is < EntryHeader + 20 or > MaxDescriptor || offset < 0)
        {
            throw NtfsErrors.Security("an index entry gives an impossible length");
        }

        var descriptor = new byte[length - EntryHeader];
        volume.Content.Read(secure.Get(AttributeType.Data, "$SDS"), offset + EntryHeader, descriptor);
        return descriptor;
    }

    /// <summary>The id of a descriptor, which is added if no file has had it yet.</summary>
    private uint Share(FileRecord secure, byte[] descriptor)
    {
        uint hash = Hash(descriptor);
        var byHash = new IndexTree(volume, secure, "$SDH", IndexCollation.SecurityHash);
        var byId = new IndexTree(volume, secure, "$SII", IndexCollation.UnsignedInteger);
        uint last = FirstId - 1;
        long end = 0;
        foreach (IndexEntry entry in byId.Entries())
        {
            ReadOnlySpan<byte> data = entry.Data;
            if (data.Length < EntryHeader)
            {
                throw NtfsErrors.Security("an index entry is too short");
            }

            last = Math.Max(last, ReadUInt32LittleEndian(data[4..]));
            end = Math.Max(end, ReadInt64LittleEndian(data[8..]) + ((ReadUInt32LittleEndian(data[16..]) + 15) & ~15L));
            if (ReadUInt32LittleEndian(data) == hash && ReadStored(secure, data).AsSpan().SequenceEqual(descriptor))
            {
                return ReadUInt32LittleEndian(data[4..]);
            }
        }

        return Add(secure, byHash, byId, descriptor, hash, last + 1, end);
    }

    private uint Add(FileRecord secure, IndexTree byHash, IndexTree byId, byte[] descriptor, uint hash, uint id, long end)
    {
        // An entry lies within a block of 256 KiB; every second block is the copy of the one before it.
        int length = EntryHeader + descriptor.Length;
        if (end % MirrorDistance == 0 && (end / MirrorDistance) % 2 == 1)
        {
            end += MirrorDistance;
        }
        else if ((end % MirrorDistance) + length > MirrorDistance)
        {
            end = ((end / MirrorDistance) + 2) * MirrorDistance;
        }

        var stored = new byte[length];
        WriteUInt32LittleEndian(stored, hash);
        WriteUInt32LittleEndian(stored.AsSpan(4), id);
        WriteInt64LittleEndian(stored.AsSpan(8), end);
        WriteUInt32LittleEndian(stored.AsSpan(16), (uint)length);
        descriptor.CopyTo(stored, EntryHeader);
        NtfsAttribute stream = secure.Get(AttributeType.Data, "$SDS");
        if (stream.Length < end + MirrorDistance + length)
        {
            volume.Content.SetLength(secure, stream, end + MirrorDistance + length);
        }

        volume.Content.Write(stream, end, stored);
        volume.Content.Write(stream, end + MirrorDistance, stored);
        byte[] idKey = stored[4..8];
        byId.Insert(IndexEntry.ForView(idKey, stored.AsSpan(0, EntryHeader)));
        byHash.Insert(IndexEntry.ForView(stored.AsSpan(0, 8), stored.AsSpan(0, EntryHeader), "I\0I\0"u8));
        return id;
    }
}
