using System.Globalization;
using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>
/// Reads the headers of a tar and skips the contents, so that a disk can be read where it lies. Understands V7, ustar
/// (POSIX.1-1988), GNU (long names, sizes in base 256) and pax (POSIX.1-2001, with global headers).
/// </summary>
internal static class TarIndex
{
    private const int MaximumMembers = 100_000;
    private const int MaximumExtensionSize = 1 << 20;

    /// <summary>True if a file begins with a tar header.</summary>
    public static bool IsTar(ReadOnlySpan<byte> start) => start.Length >= TarHeader.BlockSize && TarHeader.IsChecksumRight(start);

    /// <summary>Lists the members, in order.</summary>
    /// <param name="device">The tar.</param>
    /// <param name="path">Its name for messages.</param>
    /// <param name="warnings">Takes what was odd.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="V2VException"><c>TarInvalid</c>, <c>TarTruncated</c>, <c>TarLimit</c>.</exception>
    public static List<ArchiveMember> Read(BlockDevice device, string path, List<string> warnings, CancellationToken cancellation)
    {
        var members = new List<ArchiveMember>();
        var global = new PaxRecords();
        PaxRecords? local = null;
        string? longName = null;
        Span<byte> block = stackalloc byte[TarHeader.BlockSize];
        long at = 0;
        int headers = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (device.Length - at < TarHeader.BlockSize)
            {
                warnings.Add("The archive has no end mark; it may be incomplete.");
                break;
            }

            device.Read(at, block);
            if (!block.ContainsAnyExcept((byte)0))
            {
                break;
            }

            if (++headers > MaximumMembers)
            {
                throw new V2VException(
                    "TarLimit", V2VErrorKind.Limit, FormattableString.Invariant($"The archive has more than {MaximumMembers} members."), path, "Take out what does not belong to the machine.");
            }

            TarHeader header = TarHeader.Parse(block, at, path);
            long size = header.IsExtension ? header.Size : local?.Size ?? global.Size ?? header.Size;
            long data = at + TarHeader.BlockSize;
            if (!header.HasData)
            {
                size = 0;
            }

            if (size < 0 || size > device.Length - data)
            {
                throw V2VException.Corrupt(
                    "TarTruncated",
                    string.Create(CultureInfo.InvariantCulture, $"The archive ends before its member '{longName ?? header.Name}' does: {size} bytes at offset {data} of {device.Length}."),
                    path);
            }

            if (header.IsExtension)
            {
                ReadExtension(device, header, data, path, global, ref local, ref longName);
            }
            else
            {
                if (header.Type != TarHeader.Directory)
                {
                    string name = local?.Path ?? longName ?? global.Path ?? header.Name;
                    members.Add(new ArchiveMember(name, data, size, size, Problem: ProblemOf(header, local, global)));
                }

                local = null;
                longName = null;
            }

            // The last member may lack its padding.
            at = Math.Min(data + ((size + TarHeader.BlockSize - 1) / TarHeader.BlockSize * TarHeader.BlockSize), device.Length);
        }

        return members;
    }

    private static void ReadExtension(
        BlockDevice device, TarHeader header, long data, string path, PaxRecords global, ref PaxRecords? local, ref string? longName)
    {
        if (header.Size > MaximumExtensionSize)
        {
            throw new V2VException(
                "TarLimit", V2VErrorKind.Limit, FormattableString.Invariant($"The archive has an extended header of {header.Size} bytes at offset {data}."), path, "Pack the machine again.");
        }

        var bytes = new byte[(int)header.Size];
        device.Read(data, bytes);
        switch (header.Type)
        {
            case TarHeader.GnuLongName:
                longName = TarHeader.Text(bytes);
                break;
            case TarHeader.PaxLocal:
                (local ??= new PaxRecords()).Add(bytes, path);
                break;
            case TarHeader.PaxGlobal:
                global.Add(bytes, path);
                break;
            default:
                // A long link name: no link is followed.
                break;
        }
    }

    private static string? ProblemOf(TarHeader header, PaxRecords? local, PaxRecords global) => header.Type switch
    {
        (byte)'0' or 0 or (byte)'7' => local?.IsSparse == true || global.IsSparse ? "a sparse file" : null,
        (byte)'1' or (byte)'2' => "a link",
        (byte)'S' => "a sparse file",
        (byte)'M' => "a part of a file that continues in another archive",
        _ => "a special file",
    };
}
