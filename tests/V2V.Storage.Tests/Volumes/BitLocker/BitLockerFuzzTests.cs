using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using V2V.Storage.Volumes;
using V2V.Testing;
using V2V.Testing.BitLocker;
using Xunit;
using static V2V.Storage.Tests.Volumes.BitLocker.BitLockerVolumes;

namespace V2V.Storage.Tests.Volumes.BitLocker;

/// <summary>Damaged headers, metadata, bitmaps and key files: only our own errors, nothing that never ends, no write outside the volume.</summary>
public sealed class BitLockerFuzzTests
{
    private static readonly int s_rounds = int.TryParse(Environment.GetEnvironmentVariable("V2V_FUZZ_ROUNDS"), CultureInfo.InvariantCulture, out int rounds) ? rounds : 1500;

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 65536)]
    public void DamagedVolumes(bool isVista, int chunk)
    {
        // No seal that the damage would break: what is asked here is what the code behind it does.
        var formatter = new BitLockerFormatter { Method = 0x8002, IsVista = isVista, Chunk = chunk, IsMixed = chunk > 0, Protectors = [BitLockerProtector.Tpm(), BitLockerProtector.ClearKey()], HasSeal = false };
        byte[] good = formatter.Format(Content(20)), bad = [.. good];
        var random = new Random(21);
        int place = (int)formatter.Places[0], opened = 0;
        (int Start, int Length)[] places = chunk > 0
            ? [(0, 512), (place, 112), (place + 112, 600), ((int)formatter.Places[4], 64), ((int)formatter.Places[4] + 8192, 60), ((int)formatter.Places[4] + 8192 + 512, 80), ((int)formatter.Places[4] + 8192 + 1024, 80)]
            : [(0, 512), (place, 112), (place + 112, 600)];
        for (int round = 0; round < s_rounds; round++)
        {
            List<int> changed = [];
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                (int start, int length) = places[random.Next(places.Length)];
                int at = start + random.Next(length);
                bad[at] = random.Next(3) switch
                {
                    0 => (byte)(bad[at] ^ (1 << random.Next(8))),
                    1 => (byte)random.Next(256),
                    _ => (byte)(random.Next(2) * 255),
                };
                changed.Add(at);
            }

            byte[] image = random.Next(16) == 0 ? bad[..random.Next(bad.Length)] : bad;
            if (image == bad)
            {
                Repair(bad, place, isVista, chunk > 0 ? (int)formatter.Places[4] : 0);
            }

            opened += Use(image, random);
            foreach (int at in changed)
            {
                bad[at] = good[at];
            }

            good.AsSpan(0, 512).CopyTo(bad);
            good.AsSpan(place, 65536).CopyTo(bad.AsSpan(place));
            good.AsSpan((int)formatter.Places[4], 16384).CopyTo(bad.AsSpan((int)formatter.Places[4]));
        }

        Assert.True(opened > s_rounds / 20, "Hardly a damaged volume could be opened: the test reaches nothing.");
    }

    [Fact]
    public void DamagedKeyFiles()
    {
        using var folder = new TemporaryDirectory();
        BitLockerProtector external = BitLockerProtector.External();
        byte[] image = Formatter(0x8004, 512, external).Format(Content(22)), good = external.ToKeyFile();
        var random = new Random(23);
        string path = folder.File("a.BEK");
        int opened = 0;
        for (int round = 0; round < 500; round++)
        {
            byte[] bad = random.Next(8) == 0 ? good[..random.Next(good.Length)] : [.. good];
            if (bad.Length > 0)
            {
                bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(path, bad);
            using AssembledVolumes volumes = Open(image, Key(path));
            opened += volumes.Volumes.Count;
        }

        Assert.InRange(opened, 1, 499);
    }

    /// <summary>Makes the checksums right, so that the damage gets past them.</summary>
    private static void Repair(byte[] image, int place, bool isVista, int onWrite)
    {
        int size = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(place + 8)) << (isVista ? 0 : 4);
        if (size is > 64 and < 65000)
        {
            Crc32.Hash(image.AsSpan(place, size)).CopyTo(image, place + size + 4);
        }

        if (onWrite == 0)
        {
            return;
        }

        foreach ((int at, int length, int field) in ((int, int, int)[])[(onWrite, BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(onWrite + 10)), 36), (onWrite + 8192, 512, 56), (onWrite + 8704, 512, 32), (onWrite + 9216, 512, 32)])
        {
            image.AsSpan(at + field, 4).Clear();
            Crc32.Hash(image.AsSpan(at, Math.Min(length, image.Length - at))).CopyTo(image, at + field);
        }
    }

    private static int Use(byte[] image, Random random)
    {
        var device = new CopyOnWriteDevice(new MemoryDevice(image));
        using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("sda2", device)]);
        foreach (AssembledVolume volume in volumes.Volumes)
        {
            var buffer = new byte[Math.Min(70_000, volume.Device.Length)];
            for (int i = 0; i < 4; i++)
            {
                long at = i == 0 ? 0 : random.NextInt64(volume.Device.Length - buffer.Length + 1);
                Expect(() => volume.Device.Read(at, buffer));
                Expect(() => volume.Device.Write(at, buffer.AsSpan(0, Math.Min(buffer.Length, 5000))));
            }
        }

        return volumes.Volumes.Count;
    }

    private static void Expect(Action action)
    {
        try
        {
            action();
        }
        catch (V2VException)
        {
            // The only kind of failure that damaged input may lead to.
        }
    }
}
