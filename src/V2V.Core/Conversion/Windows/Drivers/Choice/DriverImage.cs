using System.Buffers.Binary;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>What the head of a driver's program says of the Windows that it was built for (PE/COFF, "Optional Header Windows-Specific Fields").</summary>
/// <param name="Architecture">Its architecture, or null if it is another one.</param>
/// <param name="Subsystem">Lowest version of Windows that loads it.</param>
internal sealed record DriverImage(TargetArchitecture? Architecture, Version Subsystem)
{
    /// <summary>Bytes of a program that <see cref="Parse"/> wants.</summary>
    internal const int HeadLength = 4096;

    private const int MajorSubsystemVersion = 24 + 48;

    /// <summary>Reads a head; null if it is none of a program.</summary>
    internal static DriverImage? Parse(ReadOnlySpan<byte> head)
    {
        if (head.Length < 64 || !head.StartsWith("MZ"u8))
        {
            return null;
        }

        uint start = BinaryPrimitives.ReadUInt32LittleEndian(head[60..]);
        if (start > head.Length - (MajorSubsystemVersion + 4) || !head[(int)start..].StartsWith("PE\0\0"u8))
        {
            return null;
        }

        ReadOnlySpan<byte> header = head[(int)start..];
        TargetArchitecture? architecture = BinaryPrimitives.ReadUInt16LittleEndian(header[4..]) switch
        {
            0x14C => TargetArchitecture.X86,
            0x8664 => TargetArchitecture.Amd64,
            0x200 => TargetArchitecture.Ia64,
            0x1C4 => TargetArchitecture.Arm,
            0xAA64 => TargetArchitecture.Arm64,
            _ => null,
        };
        return new DriverImage(
            architecture,
            new Version(BinaryPrimitives.ReadUInt16LittleEndian(header[MajorSubsystemVersion..]), BinaryPrimitives.ReadUInt16LittleEndian(header[(MajorSubsystemVersion + 2)..])));
    }

    /// <summary>True if a Windows can load it.</summary>
    internal bool Suits(TargetSystem target) => Architecture == target.Architecture && Subsystem <= new Version(target.Version.Major, target.Version.Minor);
}
