namespace V2V.FileSystems.Ext.Attributes;

/// <summary>Attribute names between their full form (<c>security.selinux</c>) and the stored prefix code and rest.</summary>
internal static class AttributeName
{
    public const byte PosixAclAccess = 2;
    public const byte PosixAclDefault = 3;
    public const byte System = 7;

    private static readonly (byte Index, string Prefix, bool Whole)[] s_prefixes =
    [
        (1, "user.", false),
        (PosixAclAccess, "system.posix_acl_access", true),
        (PosixAclDefault, "system.posix_acl_default", true),
        (4, "trusted.", false),
        (6, "security.", false),
        (8, "system.richacl", true),
        (System, "system.", false),
        (10, "gnu.", false),
    ];

    /// <summary>The full name, or null for an attribute that is internal to the file system.</summary>
    public static string? Format(AttributeEntry entry)
    {
        if (IsInlineData(entry))
        {
            return null;
        }

        foreach ((byte index, string prefix, bool whole) in s_prefixes)
        {
            if (index == entry.Index)
            {
                return whole ? prefix : prefix + GuestName.Decode(entry.Name);
            }
        }

        return null;
    }

    /// <summary>Splits a full name; false if no prefix fits, or nothing follows it.</summary>
    public static bool TryParse(string name, out byte index, out byte[] rest)
    {
        foreach ((byte code, string prefix, bool whole) in s_prefixes)
        {
            if (whole ? name == prefix : name.StartsWith(prefix, StringComparison.Ordinal) && name.Length > prefix.Length)
            {
                index = code;
                rest = whole ? [] : GuestName.Encode(name[prefix.Length..]);
                return rest.Length <= 255 && !(code == System && rest.AsSpan().SequenceEqual("data"u8));
            }
        }

        index = 0;
        rest = [];
        return false;
    }

    /// <summary>True for the entry that holds the content of an inline file.</summary>
    public static bool IsInlineData(AttributeEntry entry) => entry.Is(System, "data"u8);
}
