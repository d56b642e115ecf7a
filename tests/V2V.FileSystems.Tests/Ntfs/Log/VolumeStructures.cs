using V2V.FileSystems.Ntfs;
using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs.Log;

/// <summary>Compares the metadata of two volumes: file records, index blocks and bitmaps; update sequence and log numbers, and what is not in use, apart.</summary>
internal static class VolumeStructures
{
    /// <param name="expected">A volume.</param>
    /// <param name="actual">The other.</param>
    /// <param name="isUndone">True where the second may have given out more attribute numbers: undoing does not take these back.</param>
    public static List<string> Differences(string expected, string actual, bool isUndone = false)
    {
        using FileDevice one = FileDevice.Open(expected), other = FileDevice.Open(actual);
        NtfsVolume left = new(one), right = new(other);
        var found = new List<string>();
        NtfsAttribute mft = left.Mft.Pinned.Get(AttributeType.Data), mft2 = right.Mft.Pinned.Get(AttributeType.Data);
        int size = left.Geometry.RecordSize;
        for (long number = 0; number < Math.Max(left.Mft.Count, right.Mft.Count); number++)
        {
            if (!IsSame(Read(left, mft, number * size, size), Read(right, mft2, number * size, size), isUndone))
            {
                found.Add(FormattableString.Invariant($"file record {number}"));
            }
        }

        for (long number = 0; number < left.Mft.Count && found.Count == 0; number++)
        {
            if (!IsUsed(left, mft, number, size))
            {
                continue;
            }

            foreach (NtfsAttribute attribute in left.Mft.Get(number).Attributes.Where(a => !a.IsResident && (number == NtfsVolume.BitmapNumber || a.Type is AttributeType.IndexAllocation or AttributeType.Bitmap)))
            {
                NtfsAttribute twin = right.Mft.Get(number).Get(attribute.Type, attribute.Name);
                for (long at = 0; at + 4096 <= attribute.Length; at += 4096)
                {
                    if (!IsSame(Read(left, attribute, at, 4096), Read(right, twin, at, 4096), isUndone))
                    {
                        found.Add(FormattableString.Invariant($"attribute {attribute.Type:x} of record {number} at {at}"));
                    }
                }
            }
        }

        return found;
    }

    private static bool IsUsed(NtfsVolume volume, NtfsAttribute mft, long number, int size) =>
        Read(volume, mft, number * size, size) is var record && record.AsSpan().StartsWith("FILE"u8) && (record[22] & 1) != 0 && ReadUInt64LittleEndian(record.AsSpan(32)) == 0;

    private static byte[] Read(NtfsVolume volume, NtfsAttribute attribute, long offset, int size)
    {
        var bytes = new byte[size];
        volume.Content.Read(attribute, offset, bytes);
        return bytes;
    }

    private static bool IsSame(byte[] one, byte[] other, bool isUndone)
    {
        bool isFile = one.AsSpan().StartsWith("FILE"u8);
        if (!isFile && !one.AsSpan().StartsWith("INDX"u8))
        {
            return one.AsSpan().SequenceEqual(other);
        }

        if (isFile && (one[22] & 1) == 0 && (other[22] & 1) == 0)
        {
            return true;
        }

        if (!Fixups.Undo(one) || !Fixups.Undo(other))
        {
            return false;
        }

        int used = isFile ? (int)ReadUInt32LittleEndian(one.AsSpan(24)) : 24 + (int)ReadUInt32LittleEndian(one.AsSpan(28));
        foreach (byte[] bytes in (byte[][])[one, other])
        {
            bytes.AsSpan(8, 8).Clear();
            bytes.AsSpan(ReadUInt16LittleEndian(bytes.AsSpan(4)), 2).Clear();
            if (isFile)
            {
                ForgetContent(bytes);
            }

            if (isFile && isUndone)
            {
                bytes.AsSpan(40, 2).Clear();
            }
        }

        return one.AsSpan(0, used).SequenceEqual(other.AsSpan(0, used));
    }

    /// <summary>The content of a small file is in its record, but Windows does not log it.</summary>
    private static void ForgetContent(byte[] record)
    {
        for (int at = ReadUInt16LittleEndian(record.AsSpan(20)); ReadUInt32LittleEndian(record.AsSpan(at)) != AttributeType.End; at += (int)ReadUInt32LittleEndian(record.AsSpan(at + 4)))
        {
            if (ReadUInt32LittleEndian(record.AsSpan(at)) == AttributeType.Data && record[at + 8] == 0)
            {
                int value = at + ReadUInt16LittleEndian(record.AsSpan(at + 20));
                record.AsSpan(value, at + (int)ReadUInt32LittleEndian(record.AsSpan(at + 4)) - value).Clear();
            }
        }
    }
}
