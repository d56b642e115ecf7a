using System.Buffers.Binary;
using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection;

/// <summary>The architecture of a guest, from the header of one of its programs (ELF specification, figure 1-3; e_machine of the gABI).</summary>
internal static class ElfMachine
{
    private static readonly string[] s_programs = ["bash", "ls", "echo", "rm", "sh"];

    /// <summary>uname's name of the architecture, or <c>unknown</c>.</summary>
    internal static string Detect(GuestTree tree)
    {
        Span<byte> header = stackalloc byte[20];
        foreach (string directory in (string[])["/bin/", "/usr/bin/"])
        {
            foreach (string program in s_programs)
            {
                try
                {
                    if (tree.TryGetEntry(directory + program) is { Type: GuestFileType.File, Length: >= 20 })
                    {
                        using Stream stream = tree.OpenRead(directory + program);
                        stream.ReadExactly(header);
                        if (Name(header) is { } name)
                        {
                            return name;
                        }
                    }
                }
                catch (V2VException)
                {
                    // A damaged program; the next one says it as well.
                }
            }
        }

        return "unknown";
    }

    /// <summary>The architecture that the first 20 bytes of a file name, or null if they are not ELF's.</summary>
    internal static string? Name(ReadOnlySpan<byte> header)
    {
        if (header.Length < 20 || !header.StartsWith("\u007FELF"u8))
        {
            return null;
        }

        bool is64 = header[4] == 2, isLittle = header[5] == 1;
        ushort machine = isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) : BinaryPrimitives.ReadUInt16BigEndian(header[18..]);
        return machine switch
        {
            2 or 18 => "sparc",
            3 => "i386",
            8 => is64 ? "mips64" : "mips",
            20 => "ppc",
            21 => isLittle ? "ppc64le" : "ppc64",
            22 => is64 ? "s390x" : "s390",
            40 => "arm",
            43 => "sparc64",
            50 => "ia64",
            62 => "x86_64",
            183 => "aarch64",
            243 => is64 ? "riscv64" : "riscv32",
            258 => is64 ? "loongarch64" : "loongarch32",
            _ => null,
        };
    }
}
