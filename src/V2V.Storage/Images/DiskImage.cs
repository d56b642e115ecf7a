using System.Buffers.Binary;
using V2V.Storage.Qcow2;
using V2V.Storage.Vmdk;

namespace V2V.Storage.Images;

/// <summary>Opens disk images of any format for reading: start here. A disk opened as <c>raw</c> is the file itself.</summary>
public static class DiskImage
{
    private const int ProbeSize = 512;

    /// <summary>The format of an image by its content, as qemu names it: <c>vmdk</c>, <c>qcow2</c>, <c>vhdx</c>, <c>vpc</c>, <c>vdi</c>, <c>qcow</c>, <c>qed</c>, otherwise <c>raw</c>.</summary>
    public static string Detect(BlockDevice container)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(ProbeSize, container.Length)];
        container.Read(0, start);
        if (VmdkImage.IsVmdk(start))
        {
            return "vmdk";
        }

        if (start.StartsWith((ReadOnlySpan<byte>)[0x51, 0x46, 0x49, 0xFB]))
        {
            return start.Length >= 8 && BinaryPrimitives.ReadUInt32BigEndian(start[4..]) == 1 ? "qcow" : "qcow2";
        }

        if (start.StartsWith("vhdxfile"u8))
        {
            return "vhdx";
        }

        if (start.StartsWith("QED\0"u8))
        {
            return "qed";
        }

        if (start.Length >= 68 && BinaryPrimitives.ReadUInt32LittleEndian(start[64..]) == 0xBEDA107F)
        {
            return "vdi";
        }

        return start.StartsWith("conectix"u8) || HasVhdFooter(container) ? "vpc" : "raw";
    }

    /// <summary>Opens an image file of the host for reading.</summary>
    /// <param name="hostPath">Path of the image.</param>
    /// <param name="format">Format by name, or null to detect it.</param>
    /// <param name="allowAbsolute">True to follow absolute names of parents and backing files; see <see cref="HostFileResolver"/>.</param>
    /// <exception cref="V2VException">The file cannot be opened, is damaged, or has a format or feature that is not supported.</exception>
    public static BlockDevice Open(string hostPath, string? format = null, bool allowAbsolute = true)
    {
        string path = Path.GetFullPath(hostPath);
        return Open(FileDevice.Open(path), path, new HostFileResolver(Path.GetDirectoryName(path)!, allowAbsolute), format);
    }

    /// <summary>Opens an image inside any container for reading. The image owns the container, also when opening fails.</summary>
    /// <param name="container">The stored bytes of the image.</param>
    /// <param name="name">What tells the container from others: an absolute path, or the name of an archive's member.</param>
    /// <param name="resolver">Opens the files that the image refers to.</param>
    /// <param name="format">Format by name, or null to detect it.</param>
    public static BlockDevice Open(BlockDevice container, string name, IImageFileResolver resolver, string? format = null) =>
        Open(container, new ImageOpenContext(name, resolver), format);

    internal static BlockDevice Open(BlockDevice container, ImageOpenContext context, string? format)
    {
        try
        {
            format ??= Detect(container);
            return format switch
            {
                "raw" => container,
                "vmdk" => VmdkImage.Open(container, context),
                "qcow2" => Qcow2Image.Open(container, context),
                _ => throw V2VException.Unsupported(
                    "ImageFormatUnsupported", $"The disk image format '{format}' is not supported.", context.Name, "Convert the disk to VMDK, qcow2 or raw."),
            };
        }
        catch
        {
            container.Dispose();
            throw;
        }
    }

    private static bool HasVhdFooter(BlockDevice container)
    {
        if (container.Length < 512)
        {
            return false;
        }

        Span<byte> footer = stackalloc byte[8];
        container.Read(container.Length - 512, footer);
        return footer.SequenceEqual("conectix"u8);
    }
}
