using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using V2V.Storage.Volumes;
using V2V.Testing;
using V2V.Testing.BitLocker;
using Xunit;
using static V2V.Storage.Tests.Volumes.BitLocker.BitLockerVolumes;

namespace V2V.Storage.Tests.Volumes.BitLocker;

/// <summary>
/// Volumes that Windows made, of the public test data of cryptsetup and dissect.fve. Not every corpus has them (folder <c>bitlocker</c>); one that the tests
/// made themselves is there always.
/// </summary>
public sealed class BitLockerSampleTests
{
    private const string MadeHere = "made here";
    private const string Cryptsetup = "bitlocker/cryptsetup/bitlk-images/";
    private const string Dissect = "bitlocker/dissect/";

    /// <summary>The images of cryptsetup's tests, with each key that its images.conf names, and what dm-crypt makes of them.</summary>
    public static TheoryData<string, string, string> Images()
    {
        var data = new TheoryData<string, string, string> { { MadeHere, "", "" } };
        if (Corpus.Find(Cryptsetup + "images.conf") is not { } list)
        {
            return data;
        }

        string image = "";
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in (IEnumerable<string>)[.. File.ReadLines(list), "[]"])
        {
            if (line.StartsWith('['))
            {
                foreach (string key in (string[])["PW", "RP", "RP2", "SK_VMK_GUID", "CLEARKEY_VMK_GUID"])
                {
                    if (values.GetValueOrDefault("SHA256SUM", "").Length > 0 && values.GetValueOrDefault(key, "").Length > 0)
                    {
                        data.Add(image, key.EndsWith("_GUID", StringComparison.Ordinal) ? key[..2] + values[key] : "PW" + values[key], values["SHA256SUM"]);
                    }
                }

                image = line.Trim('[', ']');
                values.Clear();
            }
            else if (line.Split('=', 2) is [var name, var value])
            {
                values[name] = value;
            }
        }

        return data;
    }

    /// <summary>The volumes of dissect.fve's tests: of all ciphers, cut off behind their metadata, with holes in place of most data.</summary>
    public static TheoryData<string, string> Cuts()
    {
        var data = new TheoryData<string, string> { { MadeHere, "" } };
        if (Corpus.Find(Dissect + "vista.bin.gz") is null)
        {
            return data;
        }

        foreach (string name in (string[])["aes_128", "aes_256", "aes_128_diffuser", "aes_256_diffuser", "aes-xts_128", "aes-xts_256", "eow_partial"])
        {
            data.Add(name, "password12!@");
        }

        data.Add("recovery_password", "284867-596541-514998-422114-660297-261613-215424-199408");
        data.Add("recovery_key", "recovery_key.bek");
        data.Add("startup_key", "startup_key.bek");
        data.Add("suspended", "");
        data.Add("decrypted", "");
        data.Add("vista", "517506-503998-044583-576191-587004-635965-501270-087802");
        data.Add("win7_partial", "131450-120197-153989-250338-511368-495572-680944-381546");
        return data;
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void TheBytesAreThoseThatDmCryptSees(string image, string key, string digest)
    {
        if (image == MadeHere)
        {
            byte[] content = Content(30), encrypted = Formatter(0x8001).Format(content);
            using AssembledVolumes made = Open(encrypted);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), Digest(Assert.Single(made.Volumes).Device));
            return;
        }

        using FileDevice device = FileDevice.Open(Corpus.Require(Cryptsetup + image + ".img"));
        VolumeKeys keys = key[..2] switch
        {
            "SK" => new VolumeKeys([VolumeKey.FromFile("all", Corpus.Require(Cryptsetup + key[2..].ToUpperInvariant() + ".BEK"))]),
            "CL" => VolumeKeys.None,
            _ => Key(key[2..], "sdb1"),
        };
        using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("sdb1", device)], keys);
        Assert.Empty(volumes.Problems);
        AssembledVolume volume = Assert.Single(volumes.Volumes);
        Assert.Equal(VolumeKind.BitLocker, volume.Kind);
        Assert.Equal(digest, Digest(volume.Device));
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void DislockerReadsWhatWeWrote(string image, string key, string digest)
    {
        Tool.Require("dislocker-file");
        if ((key.StartsWith("PW", StringComparison.Ordinal) && (key.Length > 40 || !key.All(char.IsAscii))) || image.EndsWith("win11", StringComparison.Ordinal))
        {
            // One key of each image is enough; dislocker 0.7.3 takes no letters beyond ASCII and no .BEK file of Windows 11.
            return;
        }

        using var folder = new TemporaryDirectory();
        string path = folder.File("volume.img"), bek = folder.File("key.BEK"), output = folder.File("decrypted.img");
        string[] unlock = ["-c"];
        VolumeKeys? keys = null;
        if (image == MadeHere)
        {
            File.WriteAllBytes(path, Formatter(0x8003).Format(Content(32)));
        }
        else
        {
            File.Copy(Corpus.Require(Cryptsetup + image + ".img"), path);
        }

        switch (key.Length == 0 ? "" : key[..2])
        {
            case "PW":
                (unlock, keys) = (["-u" + key[2..]], Key(key[2..]));
                break;
            case "SK":
                File.Copy(Corpus.Require(Cryptsetup + key[2..].ToUpperInvariant() + ".BEK"), bek);
                (unlock, keys) = (["-f", bek], Key(bek));
                break;
            default:
                break;
        }

        string expected;
        using (FileDevice device = FileDevice.Open(path, writable: true))
        {
            using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("sdb1", device)], keys);
            BlockDevice opened = Assert.Single(volumes.Volumes).Device;
            Assert.True(digest.Length == 0 || Digest(opened) == digest);
            var random = new Random(33);
            var buffer = new byte[100_000];
            for (int i = 0; i < 300; i++)
            {
                Span<byte> part = buffer.AsSpan(0, 1 + random.Next(i % 20 == 0 ? buffer.Length : 3000));
                random.NextBytes(part);
                try
                {
                    opened.Write(i % 5 == 0 ? random.Next(8192) : random.NextInt64(opened.Length - part.Length), part);
                }
                catch (V2VException e) when (e.ErrorId == "BitLockerMetadataProtected")
                {
                    // It hit BitLocker's own places; what lies before them was written.
                }
            }

            opened.Flush();
            expected = Digest(opened);
        }

        Tool.Run("dislocker-file", ["-q", "-r", "-V", path, .. unlock, "--", output]);
        using FileDevice decrypted = FileDevice.Open(output);
        Assert.Equal(expected, Digest(decrypted));
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public void TheFileSystemShowsBehindEveryKindOfVolume(string name, string key)
    {
        if (name == MadeHere)
        {
            using AssembledVolumes made = Open(new BitLockerFormatter { Method = 0x8001, IsVista = true }.Format(Content(31)));
            Assert.Single(made.Volumes);
            return;
        }

        using var folder = new TemporaryDirectory();
        string path = folder.File("volume.img");
        Unpack(Corpus.Require(Dissect + name + ".bin.gz"), path);
        if (name == "eow_partial")
        {
            // Its bitmaps count all of the volume, of which the sample lacks the end.
            using FileStream whole = File.OpenWrite(path);
            whole.SetLength(0x3FEF0000);
        }

        using FileDevice device = FileDevice.Open(path);
        VolumeKeys? keys = key.Length == 0 ? null
            : key.EndsWith(".bek", StringComparison.Ordinal) ? new VolumeKeys([VolumeKey.FromFile("all", Corpus.Require(Dissect + key))]) : Key(key);
        using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("sda1", device)], keys);
        Assert.Empty(volumes.Problems);
        AssembledVolume volume = Assert.Single(volumes.Volumes);
        var boot = new byte[512];
        volume.Device.Read(0, boot);
        Assert.True(boot.AsSpan(3).StartsWith("NTFS    "u8));
        Assert.Equal(name == "eow_partial", volume.ReadOnlyReason is not null);
        switch (name)
        {
            case "vista":
                // The place of $MFTMirr comes out of the metadata; the sector behind is stored as it is.
                Assert.Equal(0xB35BFF, BinaryPrimitives.ReadInt64LittleEndian(boot.AsSpan(56)));
                volume.Device.Read(512, boot);
                Assert.True(boot.AsSpan(2).StartsWith("B\0O\0O\0T\0M\0G\0R\0"u8));
                break;
            case "win7_partial":
                // Decrypting came from the end to 0x442d5000: the sector before is encrypted still, this one is plain.
                var stored = new byte[1024];
                device.Read(0x442D5000 - 512, stored);
                volume.Device.Read(0x442D5000 - 512, boot);
                Assert.False(boot.AsSpan().SequenceEqual(stored.AsSpan(0, 512)));
                volume.Device.Read(0x442D5000, boot);
                Assert.True(boot.AsSpan().SequenceEqual(stored.AsSpan(512)));
                break;
            default:
                volume.Device.Read(0x2000, boot);
                Assert.True(boot.AsSpan().StartsWith("FILE0"u8));
                break;
        }
    }

    private static void Unpack(string path, string target)
    {
        // Most of it is zeroes, up to 2.7 GiB: they stay holes.
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using FileStream output = File.Create(target);
        var buffer = new byte[1 << 20];
        for (int read; (read = gzip.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0;)
        {
            if (buffer.AsSpan(0, read).ContainsAnyExcept((byte)0))
            {
                output.Write(buffer, 0, read);
            }
            else
            {
                output.Seek(read, SeekOrigin.Current);
            }
        }

        output.SetLength(output.Position);
    }

    private static string Digest(BlockDevice device)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        for (long at = 0; at < device.Length; at += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, device.Length - at));
            device.Read(at, part);
            hash.AppendData(part);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
