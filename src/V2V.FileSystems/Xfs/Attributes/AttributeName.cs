namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>Attribute names between their full form (<c>security.selinux</c>) and namespace and rest.</summary>
internal static class AttributeName
{
    public const string AccessList = "system.posix_acl_access";
    public const string DefaultList = "system.posix_acl_default";

    /// <summary>The name under which the access control list of a file is stored, in the namespace of trusted attributes.</summary>
    public static byte[] StoredAccessList { get; } = "SGI_ACL_FILE"u8.ToArray();

    private static readonly (byte Space, string Prefix)[] s_prefixes = [(0, "user."), (AttributeEntry.Root, "trusted."), (AttributeEntry.Secure, "security.")];
    private static readonly (string Name, byte[] Stored)[] s_lists =
        [(AccessList, StoredAccessList), (DefaultList, "SGI_ACL_DEFAULT"u8.ToArray())];

    /// <summary>True for an attribute whose value is an access control list.</summary>
    public static bool IsAccessList(string name) => name is AccessList or DefaultList;

    /// <summary>The full name, or null for what users do not see.</summary>
    public static string? Format(AttributeEntry entry)
    {
        if (!entry.IsVisible)
        {
            return null;
        }

        foreach ((string name, byte[] stored) in s_lists)
        {
            if (entry.Is(AttributeEntry.Root, stored))
            {
                return name;
            }
        }

        foreach ((byte space, string prefix) in s_prefixes)
        {
            if ((entry.Flags & AttributeEntry.SpaceMask) == space)
            {
                return prefix + GuestName.Decode(entry.Name);
            }
        }

        return null;
    }

    /// <summary>Splits a full name; false if XFS cannot store it.</summary>
    public static bool TryParse(string name, out byte space, out byte[] rest)
    {
        foreach ((string list, byte[] stored) in s_lists)
        {
            if (name == list)
            {
                space = AttributeEntry.Root;
                rest = stored;
                return true;
            }
        }

        foreach ((byte code, string prefix) in s_prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && name.Length > prefix.Length)
            {
                space = code;
                rest = GuestName.Encode(name[prefix.Length..]);
                return rest.Length <= 255 && !rest.AsSpan().Contains((byte)0);
            }
        }

        space = 0;
        rest = [];
        return false;
    }
}
