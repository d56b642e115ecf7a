using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>What a new file inherits from its directory's self-relative security descriptor ([MS-DTYP] 2.4.6, 2.5.3.4).</summary>
internal static class SecurityInheritance
{
    private const int HeaderSize = 20;
    private const int AclHeader = 8;
    private const byte ObjectInherit = 1;
    private const byte ContainerInherit = 2;
    private const byte NoPropagate = 4;
    private const byte InheritOnly = 8;
    private const byte Inherited = 16;
    private const ushort DaclPresent = 4;
    private const ushort DaclAutoInherited = 0x400;
    private const ushort SelfRelative = 0x8000;

    /// <summary>The descriptor of a new file: the directory's owner and group, and its inheritable entries. Where the directory has none, its own descriptor.</summary>
    public static byte[] Make(byte[] parent, bool isDirectory)
    {
        if (parent.Length < HeaderSize || (ReadUInt16LittleEndian(parent.AsSpan(2)) & DaclPresent) == 0)
        {
            return parent;
        }

        ReadOnlySpan<byte> owner = Sid(parent, 4);
        ReadOnlySpan<byte> group = Sid(parent, 8);
        ReadOnlySpan<byte> acl = Part(parent, 16, AclHeader);
        if (acl.IsEmpty || owner.IsEmpty || group.IsEmpty)
        {
            return parent;
        }

        List<byte[]> entries = Inherit(acl, isDirectory);
        if (entries.Count == 0)
        {
            return parent;
        }

        int aclSize = AclHeader + entries.Sum(e => e.Length);
        var bytes = new byte[HeaderSize + aclSize + owner.Length + group.Length];
        bytes[0] = 1;
        WriteUInt16LittleEndian(bytes.AsSpan(2), SelfRelative | DaclAutoInherited | DaclPresent);
        WriteUInt32LittleEndian(bytes.AsSpan(16), HeaderSize);
        bytes[HeaderSize] = acl[0];
        WriteUInt16LittleEndian(bytes.AsSpan(HeaderSize + 2), (ushort)aclSize);
        WriteUInt16LittleEndian(bytes.AsSpan(HeaderSize + 4), (ushort)entries.Count);
        int at = HeaderSize + AclHeader;
        foreach (byte[] entry in entries)
        {
            entry.CopyTo(bytes, at);
            at += entry.Length;
        }

        WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)at);
        owner.CopyTo(bytes.AsSpan(at));
        WriteUInt32LittleEndian(bytes.AsSpan(8), (uint)(at + owner.Length));
        group.CopyTo(bytes.AsSpan(at + owner.Length));
        return bytes;
    }

    private static List<byte[]> Inherit(ReadOnlySpan<byte> acl, bool isDirectory)
    {
        var entries = new List<byte[]>();
        int count = ReadUInt16LittleEndian(acl[4..]);
        ReadOnlySpan<byte> rest = acl[AclHeader..];
        for (int i = 0; i < count && rest.Length >= 4; i++)
        {
            int size = ReadUInt16LittleEndian(rest[2..]);
            if (size < 4 || size > rest.Length)
            {
                break;
            }

            byte flags = rest[1];
            bool forFiles = (flags & ObjectInherit) != 0;
            bool forDirectories = (flags & ContainerInherit) != 0;
            if (isDirectory ? forDirectories || (forFiles && (flags & NoPropagate) == 0) : forFiles)
            {
                byte[] entry = rest[..size].ToArray();
                bool passesOn = isDirectory && (flags & NoPropagate) == 0;
                entry[1] = (byte)(Inherited
                    | (passesOn ? flags & (ObjectInherit | ContainerInherit) : 0)
                    | (isDirectory && !forDirectories ? InheritOnly : 0));
                entries.Add(entry);
            }

            rest = rest[size..];
        }

        return entries;
    }

    private static ReadOnlySpan<byte> Sid(byte[] descriptor, int field)
    {
        ReadOnlySpan<byte> rest = Part(descriptor, field, 8);
        int length = rest.IsEmpty ? 0 : 8 + (rest[1] * 4);
        return length <= rest.Length ? rest[..length] : default;
    }

    private static ReadOnlySpan<byte> Part(byte[] descriptor, int field, int leastLength)
    {
        uint offset = ReadUInt32LittleEndian(descriptor.AsSpan(field));
        return offset >= HeaderSize && offset + leastLength <= descriptor.Length ? descriptor.AsSpan((int)offset) : default;
    }
}
