using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>Self-relative security descriptors ([MS-DTYP] 2.4.6), as <see cref="NtfsFileSystem.SetSecurity"/> takes them.</summary>
public static class NtfsSecurityDescriptor
{
    internal const int HeaderSize = 20;
    internal const int MaxSize = (64 << 10) - HeaderSize;

    private const int AclHeader = 8;
    private const int EntryHeader = 4;
    private const int MaxSubAuthorities = 15;
    private const ushort SelfRelative = 0x8000;

    /// <summary>
    /// Full control for SYSTEM and the administrators, for what a folder holds too, and nothing for anybody else; nothing is inherited from above:
    /// <c>O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)</c>.
    /// </summary>
    public static ReadOnlySpan<byte> SystemAndAdministrators =>
    [
        1, 0, 0x04, 0x90, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0,
        1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,
        1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
        2, 0, 52, 0, 2, 0, 0, 0,
        0, 3, 20, 0, 0xFF, 1, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
        0, 3, 24, 0, 0xFF, 1, 0x1F, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,
    ];

    /// <summary>Throws if Windows would not take a descriptor.</summary>
    /// <exception cref="V2VException"><c>NtfsSecurityInvalid</c>.</exception>
    internal static void Check(ReadOnlySpan<byte> descriptor)
    {
        if (descriptor.Length is < HeaderSize or > MaxSize || descriptor[0] != 1 || (ReadUInt16LittleEndian(descriptor[2..]) & SelfRelative) == 0)
        {
            throw Invalid("it is not a self-relative one of revision 1");
        }

        CheckSid(descriptor, 4, "owner");
        CheckSid(descriptor, 8, "group");
        CheckAcl(descriptor, 12);
        CheckAcl(descriptor, 16);
    }

    private static void CheckSid(ReadOnlySpan<byte> descriptor, int field, string what)
    {
        uint offset = ReadUInt32LittleEndian(descriptor[field..]);
        if (offset == 0)
        {
            return;
        }

        if (offset < HeaderSize || offset % 4 != 0 || offset + 8 > descriptor.Length)
        {
            throw Invalid($"its {what} lies outside it");
        }

        ReadOnlySpan<byte> sid = descriptor[(int)offset..];
        if (sid[0] != 1 || sid[1] > MaxSubAuthorities || 8 + (sid[1] * 4) > sid.Length)
        {
            throw Invalid($"its {what} is not a security identifier");
        }
    }

    private static void CheckAcl(ReadOnlySpan<byte> descriptor, int field)
    {
        uint offset = ReadUInt32LittleEndian(descriptor[field..]);
        if (offset == 0)
        {
            return;
        }

        int size = offset >= HeaderSize && offset % 4 == 0 && offset + AclHeader <= descriptor.Length ? ReadUInt16LittleEndian(descriptor[((int)offset + 2)..]) : 0;
        if (size < AclHeader || offset + size > descriptor.Length)
        {
            throw Invalid("a list of its entries lies outside it");
        }

        ReadOnlySpan<byte> acl = descriptor.Slice((int)offset, size);
        ReadOnlySpan<byte> rest = acl[AclHeader..];
        for (int left = ReadUInt16LittleEndian(acl[4..]); left > 0; left--)
        {
            int length = rest.Length < EntryHeader ? 0 : ReadUInt16LittleEndian(rest[2..]);
            if (length < EntryHeader || length % 4 != 0 || length > rest.Length)
            {
                throw Invalid("an entry of a list reaches past its end");
            }

            rest = rest[length..];
        }

        if (acl[0] is < 2 or > 4)
        {
            throw Invalid("a list of its entries has an unknown revision");
        }
    }

    private static V2VException Invalid(string what) =>
        new("NtfsSecurityInvalid", V2VErrorKind.InvalidArgument, $"The security descriptor cannot be used: {what}.", null, "Give a self-relative descriptor, as Windows makes of SDDL.");
}
