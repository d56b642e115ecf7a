using System.Runtime.InteropServices;

namespace V2V.FileSystems.Ntfs;

/// <summary>How the volume's own <c>$UpCase</c> makes upper case, by which names are sorted and found.</summary>
internal sealed class UpCaseTable
{
    private const int Size = 65536;

    private readonly char[] _upper = new char[Size];

    private UpCaseTable(ReadOnlySpan<char> stored)
    {
        for (int i = 0; i < Size; i++)
        {
            _upper[i] = i < stored.Length ? stored[i] : (char)i;
        }
    }

    public static UpCaseTable Read(NtfsVolume volume)
    {
        byte[] content = volume.Content.ReadAll(volume.Mft.Get(NtfsVolume.UpCaseNumber).Get(AttributeType.Data), Size * 2);
        return new UpCaseTable(MemoryMarshal.Cast<byte, char>(content));
    }

    public char this[char c] => _upper[c];

    /// <summary>True if two names are the same but for case.</summary>
    public bool Equal(string left, string right) => left.Length == right.Length && CompareIgnoringCase(left, right) == 0;

    /// <summary>Order without regard to case.</summary>
    public int CompareIgnoringCase(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        int length = Math.Min(left.Length, right.Length);
        for (int i = 0; i < length; i++)
        {
            int difference = _upper[left[i]] - _upper[right[i]];
            if (difference != 0)
            {
                return difference;
            }
        }

        return left.Length - right.Length;
    }

    /// <summary>Order of a directory: without regard to case first, then with it.</summary>
    public int Compare(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        int order = CompareIgnoringCase(left, right);
        return order != 0 ? order : left.SequenceCompareTo(right);
    }
}
