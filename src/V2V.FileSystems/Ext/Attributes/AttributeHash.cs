using System.Numerics;

namespace V2V.FileSystems.Ext.Attributes;

/// <summary>Hashes and the order of attributes in a block (kernel documentation, filesystems/ext4, "Extended Attributes").</summary>
internal static class AttributeHash
{
    /// <summary>The hash of a name and its value, or of the hash of a value that is kept elsewhere.</summary>
    public static uint OfEntry(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        uint hash = 0;
        foreach (byte character in name)
        {
            hash = BitOperations.RotateLeft(hash, 5) ^ character;
        }

        Span<byte> last = stackalloc byte[4];
        while (!value.IsEmpty)
        {
            uint word;
            if (value.Length >= 4)
            {
                word = Le.U32(value, 0);
                value = value[4..];
            }
            else
            {
                last.Clear();
                value.CopyTo(last);
                word = Le.U32(last, 0);
                value = [];
            }

            hash = BitOperations.RotateLeft(hash, 16) ^ word;
        }

        return hash;
    }

    /// <summary>The hash of a block: 0 if any entry has none, which means that it cannot be shared.</summary>
    public static uint OfBlock(List<AttributeEntry> entries)
    {
        uint hash = 0;
        foreach (AttributeEntry entry in entries)
        {
            if (entry.Hash == 0)
            {
                return 0;
            }

            hash = BitOperations.RotateLeft(hash, 16) ^ entry.Hash;
        }

        return hash;
    }

    /// <summary>By prefix code, then length of the name, then its bytes.</summary>
    public static int Order(AttributeEntry x, AttributeEntry y)
    {
        int order = x.Index.CompareTo(y.Index);
        order = order != 0 ? order : x.Name.Length.CompareTo(y.Name.Length);
        return order != 0 ? order : x.Name.AsSpan().SequenceCompareTo(y.Name);
    }
}
