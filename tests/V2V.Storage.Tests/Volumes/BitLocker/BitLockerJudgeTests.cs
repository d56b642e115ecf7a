using System.Text;
using V2V.Storage.Volumes;
using V2V.Testing;
using V2V.Testing.BitLocker;
using Xunit;
using static V2V.Storage.Tests.Volumes.BitLocker.BitLockerVolumes;

namespace V2V.Storage.Tests.Volumes.BitLocker;

/// <summary>dislocker decrypts the volumes that the tests make to the same bytes as V2V, and what V2V wrote to them; cryptsetup knows them and their keys.</summary>
public sealed class BitLockerJudgeTests
{
    private static readonly (int Method, string Cipher)[] s_methods =
        [(0x8000, "aes-cbc-elephant"), (0x8001, "aes-cbc-elephant"), (0x8002, "aes-cbc-eboiv"), (0x8003, "aes-cbc-eboiv"), (0x8004, "aes-xts-plain64"), (0x8005, "aes-xts-plain64")];

    public static TheoryData<string, int, int> Cases()
    {
        var data = new TheoryData<string, int, int>();
        foreach ((int method, _) in s_methods)
        {
            data.Add("clear", method, 512);
        }

        data.Add("password", 0x8004, 512);
        data.Add("recovery", 0x8002, 512);
        data.Add("external", 0x8000, 512);
        data.Add("vista", 0x8000, 512);
        data.Add("vista", 0x8001, 512);
        data.Add("togo", 0x8002, 512);
        data.Add("clear", 0x8004, 4096);
        data.Add("clear", 0x8003, 4096);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void DislockerReadsWhatWeReadAndWrite(string kind, int method, int sectorSize)
    {
        Tool.Require("dislocker-file", "cryptsetup");
        using var folder = new TemporaryDirectory();
        BitLockerProtector protector = kind switch
        {
            "password" => BitLockerProtector.Password(Password),
            "recovery" => BitLockerProtector.Recovery(Recovery),
            "external" => BitLockerProtector.External(),
            _ => BitLockerProtector.ClearKey(),
        };
        BitLockerProtector[] protectors = kind == "clear" ? [protector] : [BitLockerProtector.Tpm(), protector];

        // dislocker 0.7.3 takes the size from the mark that Vista sets only while it converts.
        bool isVista = kind == "vista";
        var formatter = new BitLockerFormatter { Method = method, SectorSize = sectorSize, IsVista = isVista, Mark = isVista ? Size : null, IsToGo = kind == "togo", Protectors = protectors };
        byte[] content = Content(method), image = formatter.Format(content);
        string path = folder.File("volume.img"), bek = folder.File("key.BEK");
        File.WriteAllBytes(path, image);
        File.WriteAllBytes(bek, kind == "external" ? protector.ToKeyFile() : []);
        string[] unlock = kind switch
        {
            "password" => ["-u" + Password],
            "recovery" => ["-p" + Recovery],
            "external" => ["-f", bek],
            _ => ["-c"],
        };
        AssertSame(Seen(content, formatter), Dislocker(path, unlock, folder), "dislocker before");
        if (!formatter.IsVista)
        {
            string dump = Tool.Run("cryptsetup", "bitlkDump", path);
            Assert.Contains(formatter.Id.ToString("D"), dump, StringComparison.Ordinal);
            Assert.Contains(s_methods.First(m => m.Method == method).Cipher[4..], dump, StringComparison.Ordinal);
            if (kind is "password" or "recovery" or "external")
            {
                string secret = folder.File("secret");
                File.WriteAllText(secret, kind == "password" ? Password : Recovery);
                Tool.Run("cryptsetup", "bitlkOpen", "--test-passphrase", "--key-file", kind == "external" ? bek : secret, path);
                File.WriteAllText(secret, "wrong");
                Assert.NotEqual(0, Tool.TryRun("cryptsetup", "bitlkOpen", "--test-passphrase", "--key-file", secret, path).ExitCode);
            }
        }

        VolumeKeys? keys = kind switch
        {
            "password" => Key(Password),
            "recovery" => Key(Recovery, formatter.Id.ToString("B")),
            "external" => Key(bek, "sda2"),
            _ => null,
        };
        using (FileDevice device = FileDevice.Open(path, writable: true))
        {
            using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("sda2", device)], keys);
            Assert.Empty(volumes.Problems);
            BlockDevice opened = Assert.Single(volumes.Volumes).Device;
            AssertSame(content, ReadAll(opened), "V2V before");
            WriteHere(opened, content, formatter);
            AssertSame(content, ReadAll(opened), "V2V after");
            opened.Flush();
        }

        AssertSame(Seen(content, formatter), Dislocker(path, unlock, folder), "dislocker after");
    }

    /// <summary>Random writes of all sizes, of which many hit the first sectors and the borders of the ranges that BitLocker keeps.</summary>
    internal static void WriteHere(BlockDevice device, byte[] content, BitLockerFormatter formatter)
    {
        var random = new Random(content.Length + formatter.Method);
        long[] borders = [512, 8192, .. formatter.Reserved.SelectMany(r => (long[])[r.Start, r.Start + r.Length])];
        for (int i = 0; i < 300; i++)
        {
            int size = random.Next(3) == 0 ? 1 + random.Next(200_000) : 1 + random.Next(3000);
            long at = random.Next(2) == 0 ? random.Next(content.Length - size) : Math.Clamp(borders[random.Next(borders.Length)] - random.Next(size), 0, content.Length - size);
            if (i % 10 == 0)
            {
                at = random.Next(8192);
            }

            // The boot sector of Vista has two fields that stay what they are.
            at = formatter.IsVista && at < 64 ? 64 : at;
            Span<byte> part = content.AsSpan((int)at, size);
            random.NextBytes(part);
            foreach ((long start, long length) in formatter.Reserved)
            {
                long from = Math.Max(start, at), to = Math.Min(start + length, at + size);
                if (from < to)
                {
                    part[(int)(from - at)..(int)(to - at)].Clear();
                }
            }

            device.Write(at, part);
        }
    }

    /// <summary>dislocker shows the place of the metadata in Vista's boot sector, where libbde and dissect.fve show that of $MFTMirr, which was there before.</summary>
    private static byte[] Seen(byte[] content, BitLockerFormatter formatter) =>
        formatter.IsVista ? [.. content[..56], .. BitConverter.GetBytes(formatter.Places[0] / 4096), .. content[64..]] : content;

    private static byte[] Dislocker(string path, string[] unlock, TemporaryDirectory folder)
    {
        string output = folder.File("decrypted.img");
        File.Delete(output);
        Tool.Run("dislocker-file", ["-q", "-r", "-V", path, .. unlock, "--", output]);
        return File.ReadAllBytes(output);
    }

    private static void AssertSame(byte[] expected, byte[] actual, string what)
    {
        Assert.True(expected.Length == actual.Length, FormattableString.Invariant($"{what}: {actual.Length} bytes instead of {expected.Length}."));
        int differs = expected.AsSpan().CommonPrefixLength(actual);
        Assert.True(differs == expected.Length, FormattableString.Invariant($"{what}: byte {differs} is {(differs < expected.Length ? actual[differs] : 0)} instead of {(differs < expected.Length ? expected[differs] : 0)}."));
    }
}
