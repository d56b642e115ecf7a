using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.DriverStore;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Registry;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.DriverStore;

/// <summary>What is written for a package is what a real Windows 10 has for it.</summary>
public class DriverDatabaseTests
{
    private static readonly TargetSystem s_target = new(new Version(10, 0, 16299), TargetArchitecture.Amd64, TargetSystem.Workstation);
    private static readonly CatalogSigner s_signer = new("Microsoft Windows Hardware Compatibility Publisher", 0x0D000005);

    [Theory]
    [InlineData(RealPackage.Vmci, "vmci.inf", "vmci.inf_amd64_5e38a278d114b813", "oem2.inf", @"C:\Program Files\Common Files\VMware\Drivers\vmci\device\Win8", true)]
    [InlineData(RealPackage.Pvscsi, "pvscsi.inf", "pvscsi.inf_amd64_b0d59727d712523f", "oem4.inf", @"C:\Program Files\Common Files\VMware\Drivers\pvscsi\Win8", false)]
    public void A_real_package_is_written_as_Windows_wrote_it(string inf, string name, string label, string published, string oemPath, bool isConfigured)
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        RegistryHive real = RegistryHive.Open(new MemoryStream(guest.System), "real");
        guest.Edit("SYSTEM", hive => Forget(hive, label, published));
        DriverPackage package = DriverPackage.Parse(Inx.Utf8(inf), name);
        var stored = new StorePackage(package, s_target, package.Models(s_target), label, published);
        guest.Run();
        DriverDatabase database = Assert.Single(DriverDatabase.Open(guest.Context.Windows));
        Assert.Null(database.FindPublished(label));
        database.Import(stored, s_signer, oemPath, "");
        if (isConfigured)
        {
            database.Configure(stored, "");
        }

        guest.Context.Windows.Registry.Save();
        RegistryHive made = guest.Hive("SYSTEM");
        foreach (string key in (string[])[$@"DriverPackages\{label}", $@"DriverInfFiles\{published}"])
        {
            Assert.Equal(List(real.Get(@"DriverDatabase\" + key), ""), List(made.Get(@"DriverDatabase\" + key), ""));
        }

        Assert.Equal(Named(real.Get(@"DriverDatabase\DeviceIds"), published, ""), Named(made.Get(@"DriverDatabase\DeviceIds"), published, ""));
    }

    [Fact]
    public void Numbers_are_the_lowest_free_ones_and_marked_as_Windows_does()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Root.Add("/Windows/INF/oem12.inf", "");
        guest.Run();
        var numbers = new OemNumbers(guest.Context, [@"SYSTEM\DriverDatabase"]);
        Assert.Equal(["oem13.inf", "oem14.inf", "oem15.inf", "oem16.inf"], Enumerable.Range(0, 4).Select(_ => numbers.Take()));
        guest.Context.Windows.Registry.Save();

        // Real: FF F0 with oem0 to oem11 published.
        Assert.Equal("FFF780", Convert.ToHexString(guest.Hive("SYSTEM").Get("DriverDatabase").GetValue("OemInfMap")!.Data));
    }

    [Fact]
    public void The_signer_is_read_from_the_catalog()
    {
        Tool.Require("openssl");
        using var directory = new TemporaryDirectory();
        foreach ((string name, uint score) in ((string, uint)[])[("Microsoft Windows Hardware Compatibility Publisher", 0x0D000005), ("Red Hat, Inc.", 0x0F000000), ("Microsoft Windows", 0x0D000003)])
        {
            File.WriteAllText(directory.File("content"), "catalog");
            Tool.Run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", directory.File("key"), "-out", directory.File("certificate"), "-days", "2", "-subj", $"/O=Example/CN={name}");
            Tool.Run("openssl", "cms", "-sign", "-nodetach", "-binary", "-in", directory.File("content"), "-signer", directory.File("certificate"), "-inkey", directory.File("key"), "-outform", "DER", "-out", directory.File("catalog"));
            byte[] catalog = File.ReadAllBytes(directory.File("catalog"));
            Assert.Equal(new CatalogSigner(name, score), CatalogSigner.Read(catalog));
            for (int length = 0; length < catalog.Length; length += 7)
            {
                CatalogSigner.Read(catalog.AsMemory(0, length));
                byte[] changed = [.. catalog];
                changed[length] ^= 0x55;
                CatalogSigner.Read(changed);
            }
        }

        Assert.Equal(CatalogSigner.Unsigned, CatalogSigner.Read("catalog"u8.ToArray()));
    }

    /// <summary>Takes a package out of a database.</summary>
    private static void Forget(RegistryHive hive, string label, string published)
    {
        hive.Get(@"DriverDatabase\DriverPackages").Delete(label);
        hive.Get(@"DriverDatabase\DriverInfFiles").Delete(published);
        foreach (RegistryKey key in Below(hive.Get(@"DriverDatabase\DeviceIds")).ToList())
        {
            key.DeleteValue(published);
        }
    }

    private static IEnumerable<RegistryKey> Below(RegistryKey key) => key.Subkeys.ToList().SelectMany(k => Below(k).Append(k));

    /// <summary>All but the date of import and what Windows Update adds later.</summary>
    private static List<string> List(RegistryKey key, string path) =>
    [
        .. key.Values.Where(v => v.Name != "ImportDate").Select(v => $"{path}|{v.Name}|{(uint)v.Type:x}|{Convert.ToHexString(v.Data)}").Order(StringComparer.Ordinal),
        .. key.Subkeys.Where(k => path.Length > 0 || k.Name != "Properties").SelectMany(k => List(k, path + '\\' + k.Name)),
    ];

    private static List<string> Named(RegistryKey key, string value, string path) =>
    [
        .. key.GetValue(value) is { } found ? [$"{path}|{(uint)found.Type}|{Convert.ToHexString(found.Data)}"] : (List<string>)[],
        .. key.Subkeys.SelectMany(k => Named(k, value, path + '\\' + k.Name)),
    ];
}
