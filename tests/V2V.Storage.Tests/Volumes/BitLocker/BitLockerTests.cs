using System.Buffers.Binary;
using System.Text;
using V2V.Storage.Volumes;
using V2V.Storage.Volumes.BitLocker;
using V2V.Testing;
using V2V.Testing.BitLocker;
using Xunit;
using static V2V.Storage.Tests.Volumes.BitLocker.BitLockerVolumes;

namespace V2V.Storage.Tests.Volumes.BitLocker;

/// <summary>Keys in all forms, half converted volumes, damage, and what is refused.</summary>
public sealed class BitLockerTests
{
    [Fact]
    public void SuspendedProtectionOpensByItselfAndWarnsOfNothing()
    {
        byte[] content = Content(1), image = Formatter(0x8004, 512, BitLockerProtector.Tpm(), BitLockerProtector.ClearKey()).Format(content);
        using AssembledVolumes volumes = Open(image);
        AssembledVolume volume = Assert.Single(volumes.Volumes);
        Assert.Empty(volumes.Warnings);
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(volume.Device)));
        Assert.StartsWith("mapper/bitlk-", volume.Name, StringComparison.Ordinal);
        Assert.Equal(["sda2"], volume.Members);
    }

    [Theory]
    [InlineData("471207-278498-422125-177177-561902-537405-468006-693451", 0)]
    [InlineData("471207278498422125177177561902537405468006693451", 0)]
    [InlineData("  471207 278498 422125 177177 561902 537405 468006 693451\n", 0)]
    [InlineData("key=471207-278498-422125-177177-561902-537405-468006-693451.", 0)]
    [InlineData("471207-278498-422125-177177-561902-537405-468006-693452", 8)]
    [InlineData("720896-278498-422125-177177-561902-537405-468006-693451", 1)]
    [InlineData("471207-278498-422125-177177-561902-537405-468006-69345", -1)]
    [InlineData("471207-278498-422125-177177-561902-537405-468006-693451-471207", -1)]
    [InlineData("x471207-278498-422125-177177-561902-537405-468006-693451", -1)]
    [InlineData("", -1)]
    public void ARecoveryPasswordIsFoundInText(string text, int expected) => Assert.Equal(expected, RecoveryPassword.Find(text, new byte[32]));

    [Fact]
    public void TheTextFileThatWindowsSavesOpensAndTheTpmIsWarnedOf()
    {
        using var folder = new TemporaryDirectory();
        byte[] image = Formatter(0x8004, 512, BitLockerProtector.Tpm(0x0500), BitLockerProtector.Recovery(Recovery)).Format(Content(2));
        string path = folder.File("BitLocker Recovery Key.TXT");
        File.WriteAllText(path, $"BitLocker Drive Encryption recovery key\r\n\r\nIdentifier:\r\n\r\n\t3FD763F9-74C7-4E90-8FA2-1F6A2E2B4E0C\r\n\r\nRecovery Key:\r\n\r\n\t{Recovery}\r\n", Encoding.Unicode);
        using AssembledVolumes volumes = Open(image, new VolumeKeys([VolumeKey.FromFile("ALL", path)]));
        Assert.Single(volumes.Volumes);

        // A TPM gives its key to no other machine, and the user must know that before the copy.
        Assert.Contains("the TPM with a PIN", Assert.Single(volumes.Warnings), StringComparison.Ordinal);
        Assert.Contains("recovery password {", volumes.Warnings[0], StringComparison.Ordinal);
        Assert.DoesNotContain("471207", volumes.Warnings[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("471207-278498-422125-177177-561902-537405-468006-693452", 8)]
    [InlineData("471207-278498-422125-177177-999999-537405-468006-693451", 5)]
    [InlineData("720896-278498-422125-177177-561902-537405-468006-693451", 1)]
    public void AMistypedRecoveryPasswordIsToldByItsGroup(string text, int group)
    {
        byte[] image = Formatter(0x8004, 512, BitLockerProtector.Recovery(Recovery)).Format(Content(2));
        using AssembledVolumes volumes = Open(image, Key(text));
        VolumeProblem problem = Assert.Single(volumes.Problems);
        Assert.Equal("BitLockerRecoveryPasswordInvalid", problem.ErrorId);
        Assert.Contains(FormattableString.Invariant($"Group {group} "), problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APasswordOfAnyLettersOpens()
    {
        const string Secret = "Fernsehturm ☭ ä";
        byte[] image = Formatter(0x8005, 512, BitLockerProtector.Password(Secret)).Format(Content(3));
        using AssembledVolumes volumes = Open(image, Key(Secret));
        Assert.Single(volumes.Volumes);
        Assert.Empty(volumes.Warnings);
    }

    [Fact]
    public void KeysAreChosenByVolumeProtectorAndDevice()
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("a.BEK");
        BitLockerProtector key = BitLockerProtector.External();
        BitLockerFormatter formatter = Formatter(0x8004, 512, BitLockerProtector.External(), key);
        byte[] image = formatter.Format(Content(3));
        File.WriteAllBytes(path, key.ToKeyFile());
        foreach (string selector in (string[])["all", "sda2", "/dev/sda2", formatter.Id.ToString("D"), formatter.Id.ToString("B").ToUpperInvariant(), key.Id.ToString("B"), key.Id.ToString("N")])
        {
            using AssembledVolumes volumes = Open(image, Key(path, selector));
            Assert.True(volumes.Volumes.Count == 1, selector);
        }

        foreach (string selector in (string[])["sda1", "SDA2", Guid.NewGuid().ToString("D")])
        {
            using AssembledVolumes volumes = Open(image, Key(path, selector));
            Assert.Equal("BitLockerKeyMissing", Assert.Single(volumes.Problems).ErrorId);
        }
    }

    [Fact]
    public void OnlyTheRightExternalKeyOpens()
    {
        using var folder = new TemporaryDirectory();
        BitLockerProtector right = BitLockerProtector.External(), wrong = BitLockerProtector.External();
        byte[] image = Formatter(0x8001, 512, BitLockerProtector.External(), right).Format(Content(4));
        string path = folder.File("a.BEK");
        File.WriteAllBytes(path, wrong.ToKeyFile());
        using (AssembledVolumes refused = Open(image, Key(path)))
        {
            Assert.Equal("BitLockerKeyWrong", Assert.Single(refused.Problems).ErrorId);
        }

        File.WriteAllBytes(path, right.ToKeyFile());
        using AssembledVolumes volumes = Open(image, Key(path));
        Assert.Single(volumes.Volumes);
    }

    [Theory]
    [InlineData(0x0100, "the TPM")]
    [InlineData(0x0107, "the TPM")]
    [InlineData(0x0300, "the TPM with a startup key")]
    [InlineData(0x0700, "the TPM with a PIN and a startup key")]
    public void WhatOnlyHardwareOpensIsRefusedByName(int flags, string name)
    {
        using AssembledVolumes volumes = Open(Formatter(0x8004, 512, BitLockerProtector.Tpm(flags)).Format(Content(5)), Key("none"));
        Assert.Equal("BitLockerKeyWrong", Assert.Single(volumes.Problems).ErrorId);
        using AssembledVolumes without = Open(Formatter(0x8004, 512, BitLockerProtector.Tpm(flags)).Format(Content(5)));
        VolumeProblem problem = Assert.Single(without.Problems);
        Assert.Equal("BitLockerTpmOnly", problem.ErrorId);
        Assert.Contains(name + ", which", problem.Message, StringComparison.Ordinal);
        Assert.Contains("-protectors -disable", problem.Advice, StringComparison.Ordinal);
        Assert.Equal(["sda2"], problem.Members);
    }

    [Theory]
    [InlineData(0x8002, 512, false, 1_500_672L)]
    [InlineData(0x8004, 4096, false, 3_149_824L)]
    [InlineData(0x8000, 512, true, 2_500_096L)]
    public void APausedConversionIsReadAndWrittenOnBothSidesOfItsMark(int method, int sectorSize, bool isVista, long mark)
    {
        var formatter = new BitLockerFormatter { Method = method, SectorSize = sectorSize, IsVista = isVista, Mark = mark, State = 3, Protectors = [BitLockerProtector.ClearKey()] };
        byte[] content = Content(6), image = formatter.Format(content);

        // Behind the mark, what is written is there to be read.
        Assert.True(content.AsSpan((int)mark + 300_000, 4096).SequenceEqual(image.AsSpan((int)mark + 300_000, 4096)));
        using AssembledVolumes volumes = Open(image);
        BlockDevice device = Assert.Single(volumes.Volumes).Device;
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(device)));
        BitLockerJudgeTests.WriteHere(device, content, formatter);
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(device)));
        Assert.True(content.AsSpan((int)mark + 300_000, 4096).SequenceEqual(image.AsSpan((int)mark + 300_000, 4096)));
    }

    [Fact]
    public void ADecryptedVolumeNeedsNoKey()
    {
        var formatter = new BitLockerFormatter { State = 1, Protectors = [] };
        byte[] content = Content(7), image = formatter.Format(content);
        using AssembledVolumes volumes = Open(image);
        BlockDevice device = Assert.Single(volumes.Volumes).Device;
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(device)));
        BitLockerJudgeTests.WriteHere(device, content, formatter);
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(device)));
    }

    [Theory]
    [InlineData(false, 65536)]
    [InlineData(true, 65536)]
    [InlineData(true, 524288)]
    public void EncryptOnWriteIsReadByItsBitmap(bool isMixed, int chunk)
    {
        var formatter = new BitLockerFormatter { Chunk = chunk, IsMixed = isMixed };
        byte[] content = Content(8), image = formatter.Format(content);
        using AssembledVolumes volumes = Open(image);
        AssembledVolume volume = Assert.Single(volumes.Volumes);
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(volume.Device)));

        // While it goes on, Windows may have a step to undo that we cannot see.
        Assert.Equal(isMixed, volume.ReadOnlyReason is not null);
        if (isMixed)
        {
            Assert.Equal("VolumeReadOnly", Assert.Throws<V2VException>(() => volume.Device.Write(0, [1])).ErrorId);
            return;
        }

        BitLockerJudgeTests.WriteHere(volume.Device, content, formatter);
        Assert.True(content.AsSpan().SequenceEqual(ReadAll(volume.Device)));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void AHalfDoneStepIsRefused(int state)
    {
        var formatter = new BitLockerFormatter { State = state, StateSize = 65536, Mark = 2 << 20 };
        using AssembledVolumes volumes = Open(formatter.Format(Content(9)));
        Assert.Equal("BitLockerConversionUnfinished", Assert.Single(volumes.Problems).ErrorId);
    }

    [Fact]
    public void TheNextCopyOfTheMetadataHelps()
    {
        BitLockerFormatter formatter = Formatter(0x8004);
        byte[] content = Content(10), image = formatter.Format(content);
        for (int copy = 0; copy < 3; copy++)
        {
            using (AssembledVolumes volumes = Open([.. image]))
            {
                Assert.True(content.AsSpan().SequenceEqual(ReadAll(Assert.Single(volumes.Volumes).Device)));
            }

            image[formatter.Places[copy] + 200] ^= 4;
        }

        using AssembledVolumes damaged = Open(image);
        Assert.Equal("BitLockerMetadataDamaged", Assert.Single(damaged.Problems).ErrorId);
    }

    [Fact]
    public void MetadataThatSomebodyElseChangedIsNotBelieved()
    {
        // The checksum is made right again, as an attacker would; the hash under the master key tells.
        BitLockerFormatter formatter = Formatter(0x8004);
        byte[] image = formatter.Format(Content(11));
        foreach (int place in formatter.Places.Take(3).Select(p => (int)p))
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(place + 8)) * 16;
            image[place + 64 + 48 + 10] ^= 1;
            System.IO.Hashing.Crc32.Hash(image.AsSpan(place, size)).CopyTo(image, place + size + 4);
        }

        using AssembledVolumes volumes = Open(image);
        Assert.Equal("BitLockerMetadataDamaged", Assert.Single(volumes.Problems).ErrorId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BitLockersOwnPlacesAreNotWritten(bool isVista)
    {
        var formatter = new BitLockerFormatter { Method = 0x8000, IsVista = isVista };
        byte[] image = formatter.Format(Content(12)), before = [.. image];
        using AssembledVolumes volumes = Open(image);
        BlockDevice device = Assert.Single(volumes.Volumes).Device;
        foreach ((long start, long length) in formatter.Reserved)
        {
            Assert.Equal("BitLockerMetadataProtected", Assert.Throws<V2VException>(() => device.Write(start + length - 1, [1])).ErrorId);
            device.WriteZeroes(start, length);
        }

        if (isVista)
        {
            Assert.Equal("BitLockerMetadataProtected", Assert.Throws<V2VException>(() => device.Write(56, [99])).ErrorId);
            Assert.Equal("BitLockerMetadataProtected", Assert.Throws<V2VException>(() => device.Write(3, "EXFAT   "u8)).ErrorId);
        }

        Assert.True(before.AsSpan().SequenceEqual(image));
    }

    [Theory]
    [InlineData(10, 3, "BitLockerVersionUnsupported")]
    [InlineData(12, 6, "BitLockerVersionUnsupported")]
    [InlineData(28, 0, "BitLockerMetadataDamaged")]
    public void UnknownVersionsAreNamed(int at, int value, string errorId)
    {
        BitLockerFormatter formatter = Formatter(0x8004);
        byte[] image = formatter.Format(Content(13));
        foreach (int place in formatter.Places.Take(3).Select(p => (int)p))
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(place + 8)) * 16;
            BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(place + at), (ushort)value);
            System.IO.Hashing.Crc32.Hash(image.AsSpan(place, size)).CopyTo(image, place + size + 4);
        }

        using AssembledVolumes volumes = Open(image);
        Assert.Equal(errorId, Assert.Single(volumes.Problems).ErrorId);
    }

    [Fact]
    public void ASecondCopyOfAVolumeIsNotOpened()
    {
        byte[] image = Formatter(0x8004).Format(Content(14));
        using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("sda2", new MemoryDevice(image)), new VolumeSource("sdb2", new MemoryDevice([.. image]))]);
        Assert.Equal(["sda2"], Assert.Single(volumes.Volumes).Members);
        Assert.Contains("sdb2 is a second copy", Assert.Single(volumes.Warnings), StringComparison.Ordinal);
    }
}
