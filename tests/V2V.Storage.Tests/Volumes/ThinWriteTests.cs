using V2V.Storage.Volumes;
using V2V.Storage.Volumes.Lvm;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>Random writes into thin volumes and snapshots of one pool until it is full; thin_check judges the metadata, a model the contents.</summary>
public class ThinWriteTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ThinCheckFindsNothing(int seed)
    {
        Tool.Require("thin_check");
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "dm.raw"));
        List<VolumeSource> sources = [.. VolumeFixtures.Partitions(disk, "vdc").Take(6).Select(s => s with { Device = new CopyOnWriteDevice(s.Device) })];
        using AssembledVolumes volumes = VolumeAssembler.Assemble(sources);
        AssembledVolume[] thin = [.. volumes.Volumes.Where(v => v.Name is "vg-a/thin1" or "vg-a/thinsnap" or "vg-a/thin2")];
        Assert.Equal(3, thin.Length);
        byte[][] model = [.. thin.Select(v => ReadAll(v.Device))];
        var random = new Random(seed);
        bool isFull = false;
        for (int i = 0; i < 400 && !isFull; i++)
        {
            int which = random.Next(thin.Length);
            var data = new byte[random.Next(1, 200_000)];
            random.NextBytes(data);
            int at = random.Next(model[which].Length - data.Length);
            try
            {
                thin[which].Device.Write(at, data);
                data.CopyTo(model[which], at);
            }
            catch (V2VException e) when (e.ErrorId == "LvmThinPoolFull")
            {
                // Some of it may have been written.
                thin[which].Device.Read(at, model[which].AsSpan(at, data.Length));
                isFull = true;
            }
        }

        Assert.True(isFull, "The pool never became full: the test reaches too little.");
        thin[0].Device.Flush();
        using AssembledVolumes again = VolumeAssembler.Assemble(sources);
        for (int i = 0; i < thin.Length; i++)
        {
            Assert.True(model[i].AsSpan().SequenceEqual(ReadAll(again.Volumes.Single(v => v.Name == thin[i].Name).Device)), thin[i].Name);
        }

        using var folder = new TemporaryDirectory();
        File.WriteAllBytes(folder.File("tmeta"), ReadAll(Hidden(sources, "pool_tmeta")));
        Tool.Run("thin_check", folder.File("tmeta"));
    }

    /// <summary>A volume that is part of others.</summary>
    private static BlockDevice Hidden(List<VolumeSource> sources, string name)
    {
        PhysicalVolume[] members = [.. sources.Select(s => PhysicalVolume.TryRead(s.Name, s.Device)!)];
        VolumeGroup group = VolumeGroup.Read(members.MaxBy(m => PhysicalVolume.Sequence(m.Metadata!))!.Metadata!, "vg-a");
        return new GroupDevices(group, group.Members.Values.ToDictionary(m => m.Name, m => members.Single(p => p.Uuid == m.Uuid).Device)).Make(name);
    }

    private static byte[] ReadAll(BlockDevice device)
    {
        var data = new byte[device.Length];
        device.Read(0, data);
        return data;
    }
}
