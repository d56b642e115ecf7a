using V2V.Registry.Logs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Registry.Tests;

/// <summary>Real hives, and the small ones of the author of the format's specification, against what others read in them.</summary>
public class CorpusHiveTests
{
    [Theory]
    [InlineData("regipy/NTUSER.DAT.xz", 1812, 4094)]
    [InlineData("regipy/NTUSER_modified.DAT.xz", 1808, 4090)]
    [InlineData("regipy/SAM.xz", 65, 70)]
    [InlineData("regipy/SECURITY.xz", 100, 109)]
    [InlineData("regipy/SYSTEM.xz", 30756, 73456)]
    [InlineData("regipy/SYSTEM_B.xz", 33123, 74957)]
    [InlineData("regipy/SYSTEM_WIN_10_1709.xz", 43211, 90307)]
    [InlineData("regipy/amcache.hve.xz", 2105, 17539)]
    [InlineData("regipy/transactions_NTUSER.DAT.xz", 2590, 4119)]
    [InlineData("EricZimmerman/SAM_DUPENAME", 112, 128)]
    [InlineData("EricZimmerman/SAM_hasBigEndianDWord", 92, 103)]
    [InlineData("hivex/minimal", 1, 0)]
    [InlineData("hivex/special", 4, 3)]
    [InlineData("hivex/rlenvalue_test_hive", 2, 6)]
    [InlineData("python-registry/REORGANIZED_VALUES_TESTS", 3, 22)]
    [InlineData("python-registry/UNICODE_TESTS", 3, 22)]
    [InlineData("python-registry/issue22.hive", 1, 10)]
    [InlineData("yarp/BigDataHive", 2, 2)]
    [InlineData("yarp/CompHive", 4, 0)]
    [InlineData("yarp/EmptyHive", 1, 0)]
    [InlineData("yarp/ExtendedASCIIHive", 2, 1)]
    [InlineData("yarp/ManySubkeysHive", 5003, 0)]
    [InlineData("yarp/MultiSzHive", 2, 2)]
    [InlineData("yarp/NewFlagsHive", 3, 0)]
    [InlineData("yarp/OffHive", 1, 0)]
    [InlineData("yarp/StringValuesHive", 2, 4)]
    [InlineData("yarp/UnicodeHive", 3, 0)]
    [InlineData("yarp/WrongOrderHive", 11, 0)]
    public void A_hive_has_as_many_keys_and_values_as_hivex_counts(string name, int keys, int values)
    {
        RegistryHive hive = HiveFile.Open(HiveFile.Read(name));
        Assert.Equal((keys, values), Count(hive.Root));
    }

    [Theory]
    [InlineData("regipy/NTUSER.DAT.xz")]
    [InlineData("regipy/amcache.hve.xz")]
    [InlineData("EricZimmerman/SAM_hasBigEndianDWord")]
    [InlineData("yarp/BigDataHive")]
    public void Every_key_and_value_is_what_hivex_reads(string name)
    {
        Tool.Require("hivexregedit");
        using var directory = new TemporaryDirectory();
        byte[] bytes = HiveFile.Read(name);
        File.WriteAllBytes(directory.File("hive"), bytes);
        IEnumerable<string> ours = HiveFile.List(HiveFile.Open(bytes)).Where(IsPlain);
        Assert.Equal(Hivex.List(directory.File("hive")).Where(IsPlain), ours);
    }

    [Fact]
    public void Real_values_are_as_others_read_them()
    {
        RegistryHive system = HiveFile.Open(HiveFile.Read("regipy/SYSTEM.xz"));
        Assert.Equal(1u, system.Get("Select").GetNumber("Current"));
        Assert.Equal(2u, system.Get("Select").GetNumber("LastKnownGood"));
        Assert.Equal("WKS-WIN732BITA", system.Get(@"ControlSet001\Control\ComputerName\ComputerName").GetText("ComputerName"));
        Assert.Equal("shieldbase.local", system.Get(@"ControlSet001\Services\Tcpip\Parameters").GetText("Domain"));
        Assert.Equal("x86", system.Get(@"controlset001\control\session manager\environment").GetText("processor_architecture"));
        string classes = string.Concat(new[] { "JD", "Skew1", "GBG", "Data" }.Select(n => system.Get(@"ControlSet001\Control\Lsa\" + n).Class));
        byte[] scrambled = Convert.FromHexString(classes);
        int[] order = [8, 5, 4, 2, 11, 9, 13, 3, 0, 6, 1, 12, 14, 10, 15, 7];
        Assert.Equal("e7f28d88f470cfed67dbcdb62ed1275b", Convert.ToHexStringLower([.. order.Select(i => scrambled[i])]));

        RegistryHive user = HiveFile.Open(HiveFile.Read("regipy/NTUSER.DAT.xz"));
        RegistryValue sidebar = user.Get(@"Software\Microsoft\Windows\CurrentVersion\Run").Values.First();
        Assert.Equal(("Sidebar", RegistryValueType.ExpandString, @"%ProgramFiles%\Windows Sidebar\Sidebar.exe /autoRun"), (sidebar.Name, sidebar.Type, sidebar.Text));
        Assert.Equal(new DateTime(2012, 4, 3, 21, 19, 54, DateTimeKind.Utc), user.Get(@"Software\Microsoft\Windows\CurrentVersion\Run").LastWritten, TimeSpan.FromSeconds(1));

        RegistryHive big = HiveFile.Open(HiveFile.Read("yarp/BigDataHive"));
        RegistryKey key = big.Get("key_with_bigdata");
        Assert.Equal(Enumerable.Repeat((byte)'1', 16345), key.GetValue("")!.Data);
        Assert.Equal(Enumerable.Repeat((byte)'2', 81725), key.GetValue("V")!.Data);
        Assert.NotNull(HiveFile.Open(HiveFile.Read("yarp/ManySubkeysHive")).Find(@"KEY_with_many_subkeys\2119\FIND_me"));
        Assert.Contains("zero\0key", HiveFile.Open(HiveFile.Read("hivex/special")).Root.Subkeys.Select(k => k.Name));
    }

    [Theory]
    [InlineData("yarp/NewDirtyHive1/NewDirtyHive", "yarp/NewDirtyHive1/RecoveredHive_Windows10", 4)]
    [InlineData("yarp/OldDirtyHive/OldDirtyHive", "yarp/OldDirtyHive/RecoveredHive_Windows7", 1)]
    public void Logs_make_of_a_hive_what_Windows_makes_of_it(string dirty, string recovered, int entries)
    {
        byte[] original = HiveFile.Read(dirty);
        foreach (string[] order in (string[][])[[".LOG1", ".LOG2"], [".LOG2", ".LOG1"]])
        {
            RegistryHive hive = HiveFile.Open(original, [.. order.Select(o => HiveFile.Read(dirty + o))]);
            Assert.Equal((HiveState.Recovered, entries), (hive.Recovery.State, hive.Recovery.Entries));
            byte[] saved = HiveFile.Save(hive, original);
            byte[] expected = HiveFile.Read(recovered);
            Assert.Equal(HiveFile.List(HiveFile.Open(expected)), HiveFile.List(HiveFile.Open(saved)));

            // Windows 7 had put its hive in order since.
            Assert.True(dirty.Contains("Old", StringComparison.Ordinal) || saved.AsSpan(4096).SequenceEqual(expected.AsSpan(4096)));
            Assert.Equal(HiveState.Clean, HiveFile.Open(saved, [.. order.Select(o => HiveFile.Read(dirty + o))]).Recovery.State);
        }
    }

    [Theory]
    [InlineData("regipy/transactions_NTUSER.DAT.xz", "regipy/transactions_ntuser.dat.log1.xz", "regipy/transactions_ntuser.dat.log2.xz", 132)]
    [InlineData("regipy/SYSTEM_B.xz", "regipy/SYSTEM_B.LOG1.xz", "regipy/SYSTEM_B.LOG2.xz", 315)]
    public void Logs_of_running_machines_are_applied_page_for_page(string name, string log1, string log2, int pages)
    {
        byte[] original = HiveFile.Read(name);
        RegistryHive hive = HiveFile.Open(original, HiveFile.Read(log1), HiveFile.Read(log2));
        Assert.Equal((HiveState.Recovered, pages), (hive.Recovery.State, hive.Recovery.Ranges));
        string[] ours = [.. HiveFile.List(hive)];
        byte[] saved = HiveFile.Save(hive, original);
        Assert.Equal(ours, HiveFile.List(HiveFile.Open(saved)));
        if (name.Contains("NTUSER", StringComparison.Ordinal))
        {
            Assert.Contains(hive.Get(@"Control Panel\International").Subkeys, k => k.Name.Any(char.IsSurrogate));
        }
    }

    [Theory]
    [InlineData("yarp/BadLogHive1/BadLogHive")]
    [InlineData("yarp/BadLogHive3/BadLogHive")]
    public void Damaged_logs_leave_a_hive_that_can_be_read_and_not_written(string name)
    {
        byte[] original = HiveFile.Read(name);
        RegistryHive hive = HiveFile.Open(original, HiveFile.Read(name + ".LOG1"), HiveFile.Read(name + ".LOG2"));
        Assert.Equal(HiveState.Dirty, hive.Recovery.State);
        Assert.NotEmpty(HiveFile.List(hive));
        Assert.Equal("HiveDirty", Assert.Throws<V2VException>(() => hive.Root.SetNumber("x", 1)).ErrorId);
        Assert.Equal("HiveDirty", Assert.Throws<V2VException>(() => hive.Root.Create("x")).ErrorId);
        Assert.Equal(original, HiveFile.Read(name));
    }

    [Theory]
    [InlineData("yarp/EffectiveSizeHive", "HiveBaseBlockInvalid")]
    [InlineData("yarp/TruncatedHive", "HiveTruncated")]
    [InlineData("yarp/TruncatedDirtyHive", "HiveTruncated")]
    public void Damaged_hives_are_refused_by_name(string name, string errorId) =>
        Assert.Equal(errorId, Assert.Throws<V2VException>(() => HiveFile.List(HiveFile.Open(HiveFile.Read(name))).Count()).ErrorId);

    private static (int Keys, int Values) Count(RegistryKey key) =>
        key.Subkeys.Select(Count).Aggregate((1, key.Values.Count()), (sum, below) => (sum.Item1 + below.Keys, sum.Item2 + below.Values));

    private static bool IsPlain(string line) => line.Split('|', 3)[..^1].Append("").All(p => p.All(c => c is >= ' ' and < '\x7f'));
}
