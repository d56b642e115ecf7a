using System.Buffers.Binary;
using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Windows;

/// <summary>The architecture of a Windows, from the head of its kernel (PE/COFF, "COFF File Header").</summary>
internal static class PeMachine
{
    private const int HeadSize = 4096;

    /// <summary>uname's name of the architecture, or null.</summary>
    public static string? Detect(GuestTree tree, string systemRoot)
    {
        byte[] head = new byte[HeadSize];
        foreach (string program in (string[])["/system32/ntoskrnl.exe", "/system32/cmd.exe"])
        {
            try
            {
                if (!tree.FileExists(systemRoot + program))
                {
                    continue;
                }

                using Stream stream = tree.OpenRead(systemRoot + program);
                int length = stream.ReadAtLeast(head, HeadSize, throwOnEndOfStream: false);
                if (Name(head.AsSpan(0, length)) is { } name)
                {
                    return name;
                }
            }
            catch (V2VException)
            {
                // A damaged or compressed program; the next one says it as well.
            }
        }

        return null;
    }

    internal static string? Name(ReadOnlySpan<byte> head)
    {
        if (head.Length < 64 || !head.StartsWith("MZ"u8))
        {
            return null;
        }

        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(head[60..]);
        return offset > head.Length - 6 || !head[(int)offset..].StartsWith("PE\0\0"u8) ? null : BinaryPrimitives.ReadUInt16LittleEndian(head[((int)offset + 4)..]) switch
        {
            0x14C => "i386",
            0x8664 => "x86_64",
            0xAA64 => "aarch64",
            0x1C4 => "armv7l",
            0x200 => "ia64",
            _ => null,
        };
    }
}
