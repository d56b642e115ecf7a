using V2V.Registry.Logs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Registry.Tests;

/// <summary>Random changes against a model; after each batch the saved file is read anew by us and by hivex.</summary>
public class RandomSequenceTests
{
    private const int Batches = 3;
    private const int Operations = 200;

    [Theory]
    [InlineData("hivex/minimal", 1)]
    [InlineData("hivex/minimal", 2)]
    [InlineData("yarp/EmptyHive", 3)]
    [InlineData("yarp/ManySubkeysHive", 4)]
    [InlineData("yarp/BigDataHive", 5)]
    [InlineData("regipy/NTUSER.DAT.xz", 6)]
    [InlineData("regipy/SAM.xz", 7)]
    public void Any_sequence_leaves_what_the_model_says(string name, int seed)
    {
        Tool.Require("hivexregedit");
        using var directory = new TemporaryDirectory();
        byte[] bytes = HiveFile.Read(name);
        SortedSet<string> model = new(HiveFile.List(HiveFile.Open(bytes)), StringComparer.Ordinal);
        var random = new Random(seed);
        for (int batch = 0; batch < Batches; batch++)
        {
            RegistryHive hive = HiveFile.Open(bytes);
            var changes = new HiveChanges(hive, model, random);
            for (int i = 0; i < Operations; i++)
            {
                changes.Next();
            }

            Assert.Equal(model, HiveFile.List(hive));
            bytes = HiveFile.Save(hive, bytes);
            RegistryHive again = HiveFile.Open(bytes);
            Assert.Equal(HiveState.Clean, again.Recovery.State);
            Assert.Equal(model, HiveFile.List(again));
            File.WriteAllBytes(directory.File("hive"), bytes);
            Assert.Equal(model.Where(IsPlain), Hivex.List(directory.File("hive")).Where(IsPlain));
        }
    }

    [Fact]
    public void Thousands_of_subkeys_are_found_and_go_again()
    {
        byte[] bytes = HiveFile.Read("yarp/EmptyHive");
        RegistryHive hive = HiveFile.Open(bytes);
        int[] numbers = [.. Enumerable.Range(0, 4000)];
        new Random(8).Shuffle(numbers);
        foreach (int number in numbers)
        {
            hive.Root.Create($"Key{number}").SetNumber("n", (uint)number);
        }

        hive = HiveFile.Open(HiveFile.Save(hive, bytes));
        Assert.All(numbers, n => Assert.Equal((ulong)n, hive.Get($"kEY{n}").GetNumber("N")));
        string[] names = [.. hive.Root.Subkeys.Select(k => k.Name.ToUpperInvariant())];
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.All(numbers, n => Assert.True(hive.Root.Delete($"Key{n}")));
        Assert.Empty(hive.Root.Subkeys);
    }

    [Theory]
    [InlineData("regipy/SAM.xz", 1)]
    [InlineData("yarp/BigDataHive", 2)]
    [InlineData("yarp/ManySubkeysHive", 3)]
    [InlineData("hivex/special", 4)]
    [InlineData("regipy/NTUSER.DAT.xz", 5)]
    public void Damage_gives_only_errors_of_ours(string name, int seed)
    {
        byte[] original = HiveFile.Read(name);
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            byte[] bytes = [.. original];
            for (int flips = random.Next(1, 40); flips > 0; flips--)
            {
                bytes[random.Next(random.Next(2) == 0 ? Math.Min(bytes.Length, 9000) : bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            if (random.Next(4) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            try
            {
                RegistryHive hive = HiveFile.Open(bytes);
                _ = HiveFile.List(hive).Take(20000).Count();
                hive.Root.Create("new").SetText("a", "b");
                hive.Root.Delete(hive.Root.Subkeys.First().Name);
                HiveFile.Save(hive, bytes);
            }
            catch (V2VException)
            {
            }
        }
    }

    private static bool IsPlain(string line) => line.Split('|', 3)[..^1].Append("").All(p => p.All(c => c is >= ' ' and < '\x7f'));
}
