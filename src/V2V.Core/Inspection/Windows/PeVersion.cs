using System.Buffers.Binary;
using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Windows;

/// <summary>
/// The version in a program's resources (PE/COFF, "The .rsrc Section"; VS_FIXEDFILEINFO). The kernel's tells the Windows where the registry cannot; its build
/// is that of the release which an update of Windows 10 switches features on in (19041 for 19045).
/// </summary>
internal static class PeVersion
{
    private const int HeadSize = 4096;
    private const int MaxSections = 96;
    private const int MaxEntries = 1024;
    private const uint VersionType = 16;
    private const uint Subdirectory = 0x80000000;
    private const uint Signature = 0xFEEF04BD;
    private const int SignatureAt = 40;

    /// <summary>The version of Windows' kernel: major, minor, build. Null if it does not tell.</summary>
    internal static Version? OfKernel(GuestTree tree, string systemRoot)
    {
        string path = systemRoot + "/system32/ntoskrnl.exe";
        try
        {
            if (!tree.FileExists(path))
            {
                return null;
            }

            using Stream stream = tree.OpenRead(path);
            return Read(stream);
        }
        catch (V2VException)
        {
            // A kernel that cannot be read tells nothing; the registry is the first source anyway.
            return null;
        }
    }

    /// <summary>The file version of a program, or null if it has none.</summary>
    internal static Version? Read(Stream program)
    {
        byte[] head = ReadAt(program, 0, HeadSize);
        if (PeMachine.Name(head) is null)
        {
            return null;
        }

        int start = (int)BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(60));
        if (start + 24 > head.Length)
        {
            return null;
        }

        int count = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(start + 6)), (ushort)MaxSections);
        int optional = start + 24, sections = optional + BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(start + 20));

        // PE32 and PE32+ have their data directories at different places; the third is that of the resources.
        int directory = optional + (optional + 2 <= head.Length && BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(optional)) == 0x20B ? 112 : 96) + (2 * 8);
        if (directory + 8 > sections || sections + (count * 40) > head.Length)
        {
            return null;
        }

        uint resources = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(directory));
        if (FileOffset(head.AsSpan(sections, count * 40), resources) is not { } at
            || Descend(program, at, 0, VersionType) is not { } names || Descend(program, at, names, null) is not { } languages || Descend(program, at, languages, null) is not { } entry
            || (entry & Subdirectory) != 0)
        {
            return null;
        }

        byte[] place = ReadAt(program, at + entry, 16);
        if (place.Length < 16 || FileOffset(head.AsSpan(sections, count * 40), BinaryPrimitives.ReadUInt32LittleEndian(place)) is not { } data)
        {
            return null;
        }

        byte[] info = ReadAt(program, data, SignatureAt + 16);
        if (info.Length < SignatureAt + 16 || BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(SignatureAt)) != Signature)
        {
            return null;
        }

        uint high = BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(SignatureAt + 8)), low = BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(SignatureAt + 12));
        return new Version((int)(high >> 16), (int)(high & 0xFFFF), (int)(low >> 16));
    }

    /// <summary>What an entry of a resource directory points to, from the start of the resources: the one with an id, or the first.</summary>
    private static uint? Descend(Stream program, long resources, uint directory, uint? id)
    {
        directory &= ~Subdirectory;
        byte[] header = ReadAt(program, resources + directory, 16);
        if (header.Length < 16)
        {
            return null;
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(12)) + BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(14));
        byte[] entries = ReadAt(program, resources + directory + 16, Math.Min(count, MaxEntries) * 8);
        for (int i = 0; i + 8 <= entries.Length; i += 8)
        {
            if (id is null || BinaryPrimitives.ReadUInt32LittleEndian(entries.AsSpan(i)) == id)
            {
                return BinaryPrimitives.ReadUInt32LittleEndian(entries.AsSpan(i + 4));
            }
        }

        return null;
    }

    private static long? FileOffset(ReadOnlySpan<byte> sections, uint address)
    {
        for (int at = 0; at + 40 <= sections.Length; at += 40)
        {
            uint start = BinaryPrimitives.ReadUInt32LittleEndian(sections[(at + 12)..]), length = BinaryPrimitives.ReadUInt32LittleEndian(sections[(at + 16)..]);
            if (address >= start && address - start < length)
            {
                return BinaryPrimitives.ReadUInt32LittleEndian(sections[(at + 20)..]) + (long)(address - start);
            }
        }

        return null;
    }

    private static byte[] ReadAt(Stream program, long offset, int length)
    {
        if (offset >= program.Length)
        {
            return [];
        }

        var buffer = new byte[length];
        program.Position = offset;
        int read = program.ReadAtLeast(buffer, length, throwOnEndOfStream: false);
        return read == length ? buffer : buffer[..read];
    }
}
