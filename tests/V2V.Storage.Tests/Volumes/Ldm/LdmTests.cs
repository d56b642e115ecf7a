using System.Text.Json;
using V2V.Storage.Volumes;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes.Ldm;

/// <summary>Dynamic disks of every layout: what volumes ldmtool sees, where their bytes go, and what is said when disks are missing, old or damaged.</summary>
public sealed class LdmTests
{
    private const int Sector = 512;

    [Fact]
    public void TheVolumesAreThoseThatLdmtoolSees()
    {
        Tool.Require("ldmtool");
        LdmWriter writer = AllLayouts();
        using var folder = new TemporaryDirectory();
        var paths = new List<string>();
        foreach (byte[] image in writer.Images)
        {
            paths.Add(folder.File(FormattableString.Invariant($"disk{paths.Count}.img")));
            File.WriteAllBytes(paths[^1], image);
        }

        using AssembledVolumes volumes = VolumeAssembler.Assemble(writer.Sources());
        Assert.Empty(volumes.Problems);
        Assert.Empty(volumes.Warnings);
        string group = LdmWriter.GroupId.ToString("D");
        string[] devices = [.. paths.SelectMany(p => (string[])["-d", p])];
        JsonElement shown = Show([.. devices, "show", "diskgroup", group]);
        string[] names = [.. shown.GetProperty("volumes").EnumerateArray().Select(v => v.GetString()!).Order(StringComparer.Ordinal)];
        Assert.Equal(names.Select(n => $"mapper/ldm_vol_HOST-Dg0_{n}"), volumes.Volumes.Select(v => v.Name));
        foreach (AssembledVolume volume in volumes.Volumes)
        {
            JsonElement judged = Show([.. devices, "show", "volume", group, volume.Name[(volume.Name.LastIndexOf('_') + 1)..]]);
            Assert.Equal(judged.GetProperty("guid").GetString(), volume.Uuid);
            Assert.Equal(judged.GetProperty("size").GetInt64() * Sector, volume.Device.Length);
            Assert.True(volume.Device.CanWrite);
        }
    }

    [Fact]
    public void EveryByteOfAVolumeHasItsPlace()
    {
        LdmWriter writer = AllLayouts();
        using AssembledVolumes volumes = VolumeAssembler.Assemble(writer.Sources());
        var random = new Random(4);
        foreach (AssembledVolume volume in volumes.Volumes)
        {
            var content = new byte[volume.Device.Length];
            random.NextBytes(content);
            for (int at = 0; at < content.Length;)
            {
                int step = Math.Min(content.Length - at, 1 + random.Next(300_000));
                volume.Device.Write(at, content.AsSpan(at, step));
                at += step;
            }

            var read = new byte[content.Length];
            volume.Device.Read(0, read);
            Assert.True(content.AsSpan().SequenceEqual(read), volume.Name);
            for (int i = 0; i < 400; i++)
            {
                int sector = random.Next(content.Length / Sector);
                ReadOnlySpan<byte> expected = content.AsSpan(sector * Sector, Sector);
                foreach ((int disk, long place) in Places(volume.Name, sector))
                {
                    Assert.True(expected.SequenceEqual(writer.Images[disk].AsSpan((int)(writer.DataStart(disk) + (place * Sector)), Sector)), $"{volume.Name}, sector {sector} on disk {disk}");
                }
            }
        }

        // RAID-5: the rows of its three disks sum up to nothing.
        for (int i = 0; i < 1024 * Sector; i++)
        {
            int sum = 0;
            for (int disk = 0; disk < 3; disk++)
            {
                sum ^= writer.Images[disk][writer.DataStart(disk) + (7000 * Sector) + i];
            }

            Assert.Equal(0, sum);
        }
    }

    [Fact]
    public void AMissingDiskIsNamedAndRedundantVolumesCanStillBeRead()
    {
        LdmWriter writer = AllLayouts();
        var contents = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        using (AssembledVolumes all = VolumeAssembler.Assemble(writer.Sources()))
        {
            foreach (AssembledVolume volume in all.Volumes)
            {
                var content = new byte[volume.Device.Length];
                new Random(volume.Name.Length).NextBytes(content);
                volume.Device.Write(0, content);
                contents.Add(volume.Name, content);
            }
        }

        for (int missing = 0; missing < 3; missing++)
        {
            using AssembledVolumes volumes = VolumeAssembler.Assemble(writer.Sources(missing));
            foreach (AssembledVolume volume in volumes.Volumes)
            {
                var read = new byte[volume.Device.Length];
                volume.Device.Read(0, read);
                Assert.True(contents[volume.Name].AsSpan().SequenceEqual(read), volume.Name);
                Assert.Equal(volume.ReadOnlyReason is null, volume.Device.CanWrite);
            }

            Assert.Contains(volumes.Volumes, v => v.Name.EndsWith("_Raid", StringComparison.Ordinal) && v.ReadOnlyReason is not null);
            Assert.All(volumes.Problems, p => Assert.Equal("LdmDiskMissing", p.ErrorId));
            Assert.Contains(volumes.Problems, p => p.Message.Contains(FormattableString.Invariant($"Disk{missing + 1}"), StringComparison.Ordinal));
            Assert.Equal(6, volumes.Volumes.Count + volumes.Problems.Count);
        }

        using AssembledVolumes one = VolumeAssembler.Assemble(writer.Sources(0, 1));
        Assert.Equal("LdmDiskMissing", one.Problems.Single(p => p.Target.EndsWith("_Raid", StringComparison.Ordinal)).ErrorId);
    }

    [Fact]
    public void ADiskThatWasAwayIsNotUsed()
    {
        LdmWriter writer = AllLayouts();
        byte[] old = writer.Images[1];
        writer.Sequence++;
        writer.Write();
        writer.Images[1] = old;
        using AssembledVolumes volumes = VolumeAssembler.Assemble(writer.Sources());
        Assert.Contains(volumes.Warnings, w => w.Contains("sdb was away", StringComparison.Ordinal));
        Assert.NotNull(volumes.Volumes.Single(v => v.Name.EndsWith("_Mirror", StringComparison.Ordinal)).ReadOnlyReason);
        Assert.Contains(volumes.Problems, p => p.ErrorId == "LdmDiskMissing");
    }

    [Fact]
    public void CopiesOfTheMetadataStandInForOneAnother()
    {
        LdmWriter writer = AllLayouts();
        Assert.Equal(6, Count());

        // The first header of the MBR disk and of the GPT disk, and the newest table of contents.
        writer.Images[0][(6 * Sector) + 200] ^= 1;
        writer.Images[2].AsSpan((34 + 2047) * Sector, Sector).Clear();
        writer.Images[1][writer.Database(1) + (2 * Sector) + 100] ^= 1;
        Assert.Equal(6, Count());

        writer.Images[0][writer.Database(0) + (1856 * Sector) + 200] ^= 1;
        Assert.Equal(6, Count());
        writer.Images[0][writer.Database(0) + (2047 * Sector) + 200] ^= 1;
        Assert.Equal("LdmDatabaseDamaged", Refused());

        int Count() => VolumeAssembler.Assemble(writer.Sources()).Volumes.Count;

        string Refused() => VolumeAssembler.Assemble(writer.Sources()).Problems[0].ErrorId;
    }

    [Fact]
    public void WhatIsNotInOrderIsRefusedByName()
    {
        Assert.Equal("LdmTransactionUnfinished", Refused(w => w.Status = 2));
        Assert.Equal("LdmVolumeNotActive", Refused(w => w.AddVolume("Bad", 64, [new Copy(2, [new Piece(0, 0, 64)])], state: "FAILED")));
        Assert.Equal("LdmVolumeNotActive", Refused(w => w.AddVolume("Bad", 64, [new Copy(2, [new Piece(0, 0, 64)], State: "STALE")])));
        Assert.Equal("LdmLayoutUnsupported", Refused(w => w.AddVolume("Bad", 64, [new Copy(2, [new Piece(0, 0, 32), new Piece(0, 64, 32, 40)])])));
        Assert.Equal("LdmLayoutUnsupported", Refused(w => w.AddVolume("Bad", 64, [new Copy(4, [new Piece(0, 0, 64)])])));
        Assert.Equal("LdmLayoutUnsupported", Refused(w => w.AddVolume("Bad", 64, [new Copy(1, [new Piece(0, 0, 32)], 0)])));
        Assert.Equal("LdmDatabaseDamaged", Refused(w => w.AddVolume("Bad", 65, [new Copy(2, [new Piece(0, 0, 64)])])));
        Assert.Equal("LdmDatabaseDamaged", Refused(w => w.AddVolume("Bad", 64, [new Copy(2, [new Piece(0, 1 << 20, 64)])])));
        Assert.Equal("LdmDatabaseDamaged", Refused(w => w.AddVolume("Bad", 64, [new Copy(2, [new Piece(7, 0, 64)])])));
        Assert.Equal("LdmDatabaseDamaged", Refused(w => w.AddVolume("Bad", 65, [new Copy(1, [new Piece(0, 0, 32), new Piece(1, 0, 32, 0, 1)], 16)])));

        static string Refused(Action<LdmWriter> change)
        {
            var writer = new LdmWriter();
            writer.AddDisk();
            writer.AddDisk(gpt: true);
            change(writer);
            return Assert.Single(VolumeAssembler.Assemble(writer.Write().Sources()).Problems.DistinctBy(p => p.ErrorId)).ErrorId;
        }
    }

    [Fact]
    public void DamagedMetadataRaisesOnlyOwnErrors()
    {
        LdmWriter writer = AllLayouts();
        var random = new Random(11);
        int opened = 0;
        for (int round = 0; round < 600; round++)
        {
            int disk = random.Next(3);
            byte[] image = writer.Images[disk];
            long database = writer.Database(disk);
            byte[] start = image[..(7 * Sector)], metadata = image[(int)database..(int)(database + (70 * Sector))];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                long at = random.Next(4) switch
                {
                    0 when disk != 2 => (6 * Sector) + random.Next(400),
                    0 or 1 => database + (random.Next(1, 3) * Sector) + random.Next(128),
                    2 => database + (17 * Sector) + random.Next(256),
                    _ => database + (18 * Sector) + random.Next(6000),
                };
                image[at] = (byte)(random.Next(3) == 0 ? random.Next(256) : image[at] ^ (1 << random.Next(8)));
            }

            foreach (long sector in (long[])[6, (database / Sector) + 1, (database / Sector) + 2])
            {
                if (random.Next(2) == 0)
                {
                    LdmWriter.FixChecksum(image.AsSpan((int)sector * Sector, Sector));
                }
            }

            using AssembledVolumes volumes = VolumeAssembler.Assemble(writer.Sources());
            foreach (AssembledVolume volume in volumes.Volumes)
            {
                var read = new byte[Math.Min(volume.Device.Length, 100_000)];
                volume.Device.Read(0, read);
                volume.Device.Read(volume.Device.Length - Math.Min(4096, volume.Device.Length), read.AsSpan(0, (int)Math.Min(4096, volume.Device.Length)));
                opened++;
            }

            start.CopyTo(image, 0);
            metadata.CopyTo(image, database);
        }

        Assert.True(opened > 0);
    }

    /// <summary>Two MBR disks and a GPT disk with a volume of every layout.</summary>
    private static LdmWriter AllLayouts()
    {
        var writer = new LdmWriter();
        writer.AddDisk();
        writer.AddDisk();
        writer.AddDisk(gpt: true);
        writer.AddVolume("Simple", 1000, [new Copy(2, [new Piece(0, 65, 1000)])]);
        writer.AddVolume("Spanned", 1700, [new Copy(2, [new Piece(0, 2000, 500), new Piece(1, 100, 700, 500), new Piece(0, 1200, 500, 1200)])]);
        writer.AddVolume("Striped", 3072, [new Copy(1, [new Piece(0, 3000, 1024), new Piece(1, 3000, 1024, 0, 1), new Piece(2, 3000, 1024, 0, 2)], 128)]);
        writer.AddVolume("Mirror", 900, [new Copy(2, [new Piece(1, 5000, 900)]), new Copy(2, [new Piece(2, 5000, 900)])]);
        writer.AddVolume("Raid", 2048, [new Copy(3, [new Piece(0, 7000, 1024), new Piece(1, 7000, 1024, 0, 1), new Piece(2, 7000, 1024, 0, 2)], 128)]);
        writer.AddVolume("Other", 64, [new Copy(2, [new Piece(2, 0, 64)])]);
        return writer.Write();
    }

    /// <summary>Where a sector of a volume of <see cref="AllLayouts"/> is: disk and sector of its range for data.</summary>
    private static (int Disk, long Sector)[] Places(string name, int sector)
    {
        switch (name[(name.LastIndexOf('_') + 1)..])
        {
            case "Simple":
                return [(0, 65 + sector)];
            case "Other":
                return [(2, sector)];
            case "Spanned":
                return sector < 500 ? [(0, 2000 + sector)] : sector < 1200 ? [(1, 100 + sector - 500)] : [(0, 1200 + sector - 1200)];
            case "Striped":
                int chunk = sector / 128;
                return [(chunk % 3, 3000 + (chunk / 3 * 128) + (sector % 128))];
            case "Mirror":
                return [(1, 5000 + sector), (2, 5000 + sector)];
            default:
                // The parity moves from the last disk to the first, and the data of a row begins behind it.
                int row = sector / 256, parity = 2 - (row % 3), index = sector / 128 % 2;
                return [((parity + 1 + index) % 3, 7000 + (row * 128) + (sector % 128))];
        }
    }

    private static JsonElement Show(string[] arguments)
    {
        (int exitCode, string output) = Tool.TryRun("ldmtool", arguments);
        int start = output.IndexOf('{', StringComparison.Ordinal), end = output.LastIndexOf('}');
        Assert.True(exitCode == 0 && start >= 0 && end > start, output);
        return JsonDocument.Parse(output[start..(end + 1)]).RootElement;
    }
}
