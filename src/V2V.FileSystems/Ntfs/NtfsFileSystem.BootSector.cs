using System.Buffers.Binary;

namespace V2V.FileSystems.Ntfs;

public sealed partial class NtfsFileSystem
{
    private const int HeadsAt = 0x1A;
    private const int SectorsAt = 0x28;
    private const int HeadLength = 512;

    /// <summary>Sets the number of heads in the boot sector, which loaders before Windows Vista count with, and in its copy behind the volume's last sector.</summary>
    /// <returns>True if it was another.</returns>
    public bool SetHeads(ushort heads)
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        Span<byte> sector = stackalloc byte[HeadLength];
        Device.Read(0, sector);
        if (BinaryPrimitives.ReadUInt16LittleEndian(sector[HeadsAt..]) == heads)
        {
            return false;
        }

        long copy = BinaryPrimitives.ReadInt64LittleEndian(sector[SectorsAt..]) * BinaryPrimitives.ReadUInt16LittleEndian(sector[0x0B..]);
        BinaryPrimitives.WriteUInt16LittleEndian(sector[HeadsAt..], heads);
        Device.Write(HeadsAt, sector.Slice(HeadsAt, 2));
        Span<byte> signature = stackalloc byte[8];
        if (copy > 0 && copy <= Device.Length - HeadLength)
        {
            Device.Read(copy + 3, signature);
            if (signature.SequenceEqual("NTFS    "u8))
            {
                Device.Write(copy + HeadsAt, sector.Slice(HeadsAt, 2));
            }
        }

        return true;
    }
}
