using System.Security;
using V2V.Storage.Volumes;
using V2V.Testing.BitLocker;

namespace V2V.Storage.Tests.Volumes.BitLocker;

/// <summary>What the tests of BitLocker have in common.</summary>
internal static class BitLockerVolumes
{
    internal const int Size = 4 << 20;
    internal const string Password = "Palast der Republik 7";
    internal const string Recovery = "471207-278498-422125-177177-561902-537405-468006-693451";

    /// <summary>Numbers that depend on nothing but the seed; the first sector looks like NTFS', so that Vista's layout can be made of it.</summary>
    internal static byte[] Content(int seed, int size = Size)
    {
        var content = new byte[size];
        new Random(seed).NextBytes(content);
        ((ReadOnlySpan<byte>)[0xEB, 0x52, 0x90, .. "NTFS    "u8, 0, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0xF8]).CopyTo(content);
        content.AsSpan(22, 42).Clear();

        BitConverter.TryWriteBytes(content.AsSpan(40), (long)(size / 512) - 1);
        BitConverter.TryWriteBytes(content.AsSpan(48), 4L);
        BitConverter.TryWriteBytes(content.AsSpan(56), 17L);
        content[510] = 0x55;
        content[511] = 0xAA;
        return content;
    }

    internal static VolumeKeys Key(object key, string selector = "all")
    {
        if (key is string path && path.EndsWith(".BEK", StringComparison.Ordinal))
        {
            return new VolumeKeys([VolumeKey.FromFile(selector, path)]);
        }

        var secret = new SecureString();
        foreach (char c in (string)key)
        {
            secret.AppendChar(c);
        }

        return new VolumeKeys([VolumeKey.FromPassphrase(selector, secret)]);
    }

    internal static AssembledVolumes Open(byte[] image, VolumeKeys? keys = null) => VolumeAssembler.Assemble([new VolumeSource("sda2", new MemoryDevice(image))], keys);

    internal static byte[] ReadAll(BlockDevice device)
    {
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }

    /// <summary>A formatter for a row of a test's table.</summary>
    internal static BitLockerFormatter Formatter(int method, int sectorSize = 512, params BitLockerProtector[] protectors) =>
        new() { Method = method, SectorSize = sectorSize, Protectors = protectors.Length > 0 ? protectors : [BitLockerProtector.ClearKey()] };
}
