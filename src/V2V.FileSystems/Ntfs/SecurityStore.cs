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

    /// <summary>Far more than there can be of 64 KiB each with 32-bit ids, and far from overflow.</summary>
    private const long MaxStream = 1L << 48;

    private readonly Dictionary<uint, byte[]> _known = [];
    private Dictionary<uint, List<uint>>? _shared;
    private uint _lastId = FirstId - 1;
    private long _end;

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
        _shared ??= IndexByHash(secure);
        uint hash = Hash(descriptor);
        if (_shared.TryGetValue(hash, out List<uint>? same))
        {
            foreach (uint id in same)
            {
                if (ReadShared(id).AsSpan().SequenceEqual(descriptor))
                {
                    return id;
                }
            }
        }

        uint added = Add(secure, descriptor, hash);
        Remember(_shared, hash, added);
        return added;
    }

    /// <summary>All ids by hash; notes where the next descriptor goes.</summary>
    private Dictionary<uint, List<uint>> IndexByHash(FileRecord secure)
    {
        var shared = new Dictionary<uint, List<uint>>();
        foreach (IndexEntry entry in new IndexTree(volume, secure, "$SII", IndexCollation.UnsignedInteger).Entries())
        {
            ReadOnlySpan<byte> data = entry.Data;
            if (data.Length < EntryHeader)
            {
                throw NtfsErrors.Security("an index entry is too short");
            }

            uint id = ReadUInt32LittleEndian(data[4..]);
            long end = ReadInt64LittleEndian(data[8..]) + ((ReadUInt32LittleEndian(data[16..]) + 15) & ~15L);
            if (end < 0 || end > MaxStream || id == uint.MaxValue)
            {
                throw NtfsErrors.Security("an index entry gives an impossible place");
            }

            _lastId = Math.Max(_lastId, id);
            _end = Math.Max(_end, end);
            Remember(shared, ReadUInt32LittleEndian(data), id);
        }

        return shared;
    }

    private static void Remember(Dictionary<uint, List<uint>> shared, uint hash, uint id)
    {
        if (!shared.TryGetValue(hash, out List<uint>? same))
        {
            shared.Add(hash, same = []);
        }

        same.Add(id);
    }

    private uint Add(FileRecord secure, byte[] descriptor, uint hash)
    {
        // An entry lies within a block of 256 KiB; every second block is the copy of the one before it.
        int length = EntryHeader + descriptor.Length;
        long at = _end;
        if (at / MirrorDistance % 2 == 1)
        {
            at = ((at / MirrorDistance) + 1) * MirrorDistance;
        }
        else if ((at % MirrorDistance) + length > MirrorDistance)
        {
            at = ((at / MirrorDistance) + 2) * MirrorDistance;
        }

        uint id = _lastId + 1;
        var stored = new byte[length];
        WriteUInt32LittleEndian(stored, hash);
        WriteUInt32LittleEndian(stored.AsSpan(4), id);
        WriteInt64LittleEndian(stored.AsSpan(8), at);
        WriteUInt32LittleEndian(stored.AsSpan(16), (uint)length);
        descriptor.CopyTo(stored, EntryHeader);
        NtfsAttribute stream = secure.Get(AttributeType.Data, "$SDS");
        if (stream.Length < at + MirrorDistance + length)
        {
            volume.Content.SetLength(secure, stream, at + MirrorDistance + length);
        }

        volume.Content.Write(stream, at, stored);
        volume.Content.Write(stream, at + MirrorDistance, stored);
        new IndexTree(volume, secure, "$SII", IndexCollation.UnsignedInteger).Insert(IndexEntry.ForView(stored.AsSpan(4, 4), stored.AsSpan(0, EntryHeader)));
        new IndexTree(volume, secure, "$SDH", IndexCollation.SecurityHash).Insert(IndexEntry.ForView(stored.AsSpan(0, 8), stored.AsSpan(0, EntryHeader), "I\0I\0"u8));
        _lastId = id;
        _end = at + ((length + 15) & ~15);
        return id;
    }
}
