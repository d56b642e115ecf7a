using System.Buffers.Binary;
using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Core.Inspection;
using V2V.Registry;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Drivers;

public class DriverPackageTests
{
    private static readonly TargetSystem s_windows10 = new(new Version(10, 0, 19045), TargetArchitecture.Amd64, TargetSystem.Workstation, 0x100);
    private static readonly TargetSystem s_server2019 = new(new Version(10, 0, 17763), TargetArchitecture.Amd64, TargetSystem.Server, 0x110);
    private static readonly TargetSystem s_windows7 = new(new Version(6, 1, 7601), TargetArchitecture.X86, TargetSystem.Workstation, 0x100);

    private static DriverPackage Parse(string text) => DriverPackage.Parse(Inx.Utf8(text), "test.inf");

    private static string WithModels(string manufacturer, params string[] sections) =>
        "[Version]\nSignature=\"$Windows NT$\"\n[Manufacturer]\n\"Maker\"=" + manufacturer + "\n"
        + string.Concat(sections.Select(s => $"[{s}]\n\"{s}\"=Inst,PCI\\VEN_1AF4&DEV_1001\n")) + "[Inst]\n";

    [Fact]
    public void TheBalloonDriverIsReadInFull()
    {
        DriverPackage package = Parse(Inx.Stamp("Balloon_sys_balloon.inx", "amd64"));
        Assert.Equal("Red Hat, Inc.", package.Provider);
        Assert.Equal("System", package.Class);
        Assert.Equal(new Guid("4d36e97d-e325-11ce-bfc1-08002be10318"), package.ClassGuid);
        Assert.Equal(new DriverDate(new DateOnly(2025, 1, 29), new Version(100, 95, 104, 26200)), package.DriverVer);
        Assert.Equal("Balloon.cat", package.CatalogFile(TargetArchitecture.Amd64));
        Assert.True(package.IsLocked);
        Assert.Equal(["Balloon.cat", "balloon.sys"], package.Files(s_windows10));

        IReadOnlyList<DriverModel> models = package.Models(s_windows10);
        Assert.Equal(
            [@"PCI\VEN_1AF4&DEV_1002&SUBSYS_00051AF4&REV_00", @"PCI\VEN_1AF4&DEV_1002", @"PCI\VEN_1AF4&DEV_1045&SUBSYS_11001AF4&REV_01", @"PCI\VEN_1AF4&DEV_1045"],
            models.SelectMany(m => m.Ids));
        Assert.All(models, m => Assert.Equal("Red Hat VirtIO Balloon Driver", m.Description));
        Assert.Empty(package.Models(s_windows7));

        DriverInstall install = package.Install(models[0], s_windows10);
        Assert.Equal(("BALLOON_Device.NT", ".NT"), (install.Section, install.SectionExtension));
        Assert.Equal([new DriverFile("balloon.sys", "", "balloon.sys", 12, "", 0)], install.Files);
        Assert.Equal("D:P(A;;GA;;;SY)", Assert.Single(install.HardwareAddReg).Texts[0]);
        Assert.Equal("1.15", install.KmdfVersion);

        ServiceInstall service = install.DeviceService!;
        Assert.Equal(("BALLOON", "Red Hat VirtIO Balloon Service", 1u, 3u, 1u), (service.Name, service.DisplayName, service.ServiceType, service.StartType, service.ErrorControl));
        Assert.Equal(@"%SystemRoot%\System32\drivers\balloon.sys", InfDirectory.Expand(service.ServiceBinary, ""));
        RegistryEdit remapping = Assert.Single(service.AddReg);
        Assert.Equal(("HKR", "Parameters", "DmaRemappingCompatible", RegistryValueType.DWord), (remapping.Root, remapping.Subkey, remapping.Name, remapping.Type));
        Assert.Equal(2u, BinaryPrimitives.ReadUInt32LittleEndian(remapping.Data));
        Assert.Equal("System", service.EventLog);
        Assert.Equal("BALLOON", service.EventSource);
        Assert.Equal(
            (RegistryValueType.ExpandString, @"%SystemRoot%\System32\IoLogMsg.dll;%SystemRoot%\System32\drivers\balloon.sys"),
            (service.EventLogAddReg[0].Type, service.EventLogAddReg[0].Texts[0]));
    }

    [Fact]
    public void ADriverOfTwoServicesAndTwoDirectoriesIsRead()
    {
        DriverPackage package = Parse(Inx.Stamp("viosock_sys_viosock.inx", "arm64", directory: 13));
        TargetSystem target = s_windows10 with { Architecture = TargetArchitecture.Arm64 };
        DriverInstall install = package.Install(package.Models(target)[0], target);
        Assert.Equal([("viosock.sys", 13), ("viosocklib.dll", 11), ("viosockwspsvc.exe", 11)], install.Files.Select(f => (f.TargetName, f.DirectoryId)));
        Assert.Equal(["VirtioSocket", "VirtioSocketWSP"], install.Services.Select(s => s.Name));
        Assert.Equal("VirtioSocket", install.DeviceService!.Name);
        Assert.Equal(@"%SystemRoot%\System32\viosockwspsvc.exe", InfDirectory.Expand(install.Services[1].ServiceBinary, ""));
        Assert.Equal(@"C:\store\viosock.sys", InfDirectory.Expand(install.Services[0].ServiceBinary, @"C:\store"));
        Assert.True(install.HardwareAddReg[0].IsKeyOnly);
        Assert.Equal(@"Interrupt Management\MessageSignaledInterruptProperties", install.HardwareAddReg[1].Subkey);
        Assert.Equal([1, 0, 0, 0], install.HardwareAddReg[2].Data!);
    }

    [Theory]
    [InlineData("M,NTamd64", "M.NTamd64")]
    [InlineData("M,NTx86", null)]
    [InlineData("M", null)]
    [InlineData("M,NT", null)]
    [InlineData("M,NTamd64,NTamd64.6.1,NTamd64.6.3,NTamd64.10.0,NTamd64.11.0", "M.NTamd64.10.0")]
    [InlineData("M,NTamd64.6.3,NTamd64.6", "M.NTamd64.6.3")]
    [InlineData("M,NTamd64.10.0...14310,NTamd64.10.0...17763,NTamd64.10.0...22000", "M.NTamd64.10.0...17763")]
    [InlineData("M,NTamd64.10.0,NTamd64.10.0...22000", "M.NTamd64.10.0")]
    [InlineData("M,NTamd64.10.0.3,NTamd64.10.0.1,NTamd64.10.0", "M.NTamd64.10.0.1")]
    [InlineData("M,NTamd64.6.1.3", null)]
    [InlineData("M,NTamd64.6.3...30000", "M.NTamd64.6.3...30000")]
    [InlineData("M,NTamd64.10.0..0x80", null)]
    [InlineData("M,NTamd64.10.0..0x100,NTamd64.10.0", "M.NTamd64.10.0..0x100")]
    [InlineData("M,nonsense,NTamd64", "M.NTamd64")]
    public void TheBestModelsSectionOfWindows10IsTaken(string line, string? expected)
    {
        string name = line.Split(',')[0];
        string[] sections = [name, .. line.Split(',').Skip(1).Select(d => name + "." + d)];
        Assert.Equal(expected, Parse(WithModels(line, sections)).Models(s_windows10) is [var model, ..] ? model.ModelsSection : null);
    }

    [Theory]
    [InlineData("M,NTamd64", "M")]
    [InlineData("M,NTx86", "M.NTx86")]
    [InlineData("M,NT.6.1,NTx86.6.0", "M.NT.6.1")]
    [InlineData("M,NTx86.10.0...14310,NTx86.6.1", "M.NTx86.6.1")]
    [InlineData("M,NTx86.5.1...14310", "M")]
    public void TheBestModelsSectionOfWindows7IsTaken(string line, string expected)
    {
        string[] sections = ["M", .. line.Split(',').Skip(1).Select(d => "M." + d)];
        Assert.Equal(expected, Parse(WithModels(line, sections)).Models(s_windows7)[0].ModelsSection);
    }

    [Fact]
    public void AServerTakesItsOwnSectionEvenIfItIsEmpty()
    {
        DriverPackage package = Parse(WithModels("M,NTamd64.6.1,NTamd64.6.1.3", "M.NTamd64.6.1") + "[M.NTamd64.6.1.3]\n");
        Assert.Empty(package.Models(s_server2019));
        Assert.Single(package.Models(s_windows10));
    }

    [Fact]
    public void SourceFoldersAndFlagsOfFilesAreKept()
    {
        DriverPackage package = Parse(WithModels("M,NTamd64", "M.NTamd64")
            + """
            CopyFiles=Drv,@direct.dll
            [Inst.NTx86]
            CopyFiles=Wrong
            [Drv]
            new.sys,old.sys,,0x10
            [DestinationDirs]
            DefaultDestDir=11
            Drv=12,sub\folder
            [SourceDisksNames]
            1="Disk",,,\root
            [SourceDisksNames.amd64]
            1="Disk",,,amd64\x
            2="Cabinet",files.cab,,
            [SourceDisksFiles]
            old.sys=1,deep
            direct.dll=2
            """);
        IReadOnlyList<DriverFile> files = package.Install(package.Models(s_windows10)[0], s_windows10).Files;
        Assert.Equal(new DriverFile("amd64/x/deep/old.sys", "", "new.sys", 12, @"sub\folder", 0x10), files[0]);
        Assert.Equal(new DriverFile("direct.dll", "files.cab", "direct.dll", 11, "", 0), files[1]);
    }

    [Fact]
    public void RegistryValuesOfEveryTypeAreRead()
    {
        DriverPackage package = Parse(WithModels("M,NTamd64", "M.NTamd64")
            + """
            AddReg=Values
            DelReg=Old
            [Values]
            HKR,Ndi,Service,0,"netkvm"
            HKR,Ndi\Interfaces,UpperRange,,"ndis5"
            HKR,,Many,0x10000,one,two
            HKR,,More,0x10008,three
            HKR,,Binary,1,01,0A,ff
            HKR,,Number,0x10001,0x20
            HKR,,Negative,0x10001,-1
            HKR,,FromBytes,0x10001,78,56,34,12
            HKR,,Long,0x000B0001,01,00,00,00,00,00,00,80
            HKR,,Nothing,0x20001
            HKR,Key
            HKLM,Some\Key,,,default
            [Old]
            HKR,Gone
            HKR,Ndi,Value
            """);
        DriverInstall install = package.Install(package.Models(s_windows10)[0], s_windows10);
        Assert.Equal(
            ["String", "String", "MultiString", "MultiString", "Binary", "DWord", "DWord", "DWord", "QWord", "None", "String", "String"],
            install.AddReg.Select(e => e.Type.ToString()));
        Assert.Equal(["one", "two"], install.AddReg[2].Texts);
        Assert.True(install.AddReg[3].Appends);
        Assert.Equal(
            ["010AFF", "20000000", "FFFFFFFF", "78563412", "0100000000000080", ""],
            install.AddReg.Skip(4).Take(6).Select(e => Convert.ToHexString(e.Data!)));
        Assert.True(install.AddReg[10].IsKeyOnly);
        Assert.Equal(("HKLM", "", "default"), (install.AddReg[11].Root, install.AddReg[11].Name, install.AddReg[11].Texts[0]));
        Assert.Equal([null, "Value"], install.DelReg.Select(d => d.Name));
    }

    [Theory]
    [InlineData("..\\evil.sys")]
    [InlineData("C:\\evil.sys")]
    public void APathThatLeadsOutIsRefused(string path)
    {
        DriverPackage package = Parse(WithModels("M,NTamd64", "M.NTamd64") + "CopyFiles=@" + path + "\n");
        Assert.Equal("InfInvalid", Assert.Throws<V2VException>(() => package.Files(s_windows10)).ErrorId);
    }

    [Fact]
    public void CatalogsOfArchitecturesComeFirst()
    {
        DriverPackage package = Parse("[Version]\nSignature=\"$CHICAGO$\"\nCatalogFile=a.cat\nCatalogFile.NTamd64=b.cat\nCatalogFile.NT=c.cat\nDriverVer=1-2-2003\n");
        Assert.Equal(["c.cat", "b.cat"], ((TargetArchitecture[])[TargetArchitecture.X86, TargetArchitecture.Amd64]).Select(package.CatalogFile));
        Assert.Equal(new DriverDate(new DateOnly(2003, 1, 2), new Version(0, 0, 0, 0)), package.DriverVer);
        Assert.Equal("InfInvalid", Assert.Throws<V2VException>(() => Parse("[Version]\nProvider=x\n")).ErrorId);
    }

    [Fact]
    public void ADamagedInfGivesOurErrorsOnly()
    {
        byte[] good = Inx.Utf8(Inx.Stamp("viosock_sys_viosock.inx", "amd64"));
        var random = new Random(3);
        for (int round = 0; round < 2000; round++)
        {
            byte[] bytes = [.. good];
            for (int flips = random.Next(1, 40); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : good[random.Next(good.Length)];
            }

            try
            {
                DriverPackage package = DriverPackage.Parse(bytes.AsSpan(0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length), "test.inf");
                _ = (package.Provider, package.Class, package.ClassGuid, package.DriverVer, package.IsLocked, package.ExtensionId, package.CatalogFile(TargetArchitecture.Amd64));
                _ = package.Files(s_windows10);
                foreach (DriverModel model in package.Models(s_windows10))
                {
                    _ = package.Install(model, s_windows10).Services.Select(s => InfDirectory.Expand(s.ServiceBinary, "store")).ToList();
                }
            }
            catch (V2VException)
            {
                // Refused by name.
            }
        }
    }

    [Theory]
    [InlineData("x86_64", "Client", null, TargetArchitecture.Amd64, 1)]
    [InlineData("i386", "Server Core", null, TargetArchitecture.X86, 3)]
    [InlineData("aarch64", "Client", null, TargetArchitecture.Arm64, 1)]
    [InlineData("x86_64", "Server", "ServerNT", TargetArchitecture.Amd64, 3)]
    [InlineData("x86_64", "Server", "LanmanNT", TargetArchitecture.Amd64, 2)]
    public void TheTargetIsWhatTheInspectionSays(string machine, string installation, string? productType, object architecture, int type)
    {
        RegistryHive? system = null;
        if (productType is not null)
        {
            system = RegistryHive.Open(new MemoryStream(File.ReadAllBytes(Corpus.Require("registry/hivex/minimal"))), "SYSTEM");
            RegistryKey options = system.Create(@"ControlSet001\Control\ProductOptions");
            options.SetValue("ProductType", RegistryValueType.String, RegistryValue.Encode(productType));
            options.SetValue("ProductSuite", RegistryValueType.MultiString, RegistryValue.Encode(["Terminal Server", "DataCenter"]));
        }

        V2VInspection Inspect(string architectureName) => new()
        {
            Source = null!,
            OsType = "windows",
            Architecture = architectureName,
            Version = new Version(10, 0, 20348),
            Windows = new WindowsInfo { SystemRoot = "/Windows", ControlSet = "ControlSet001", InstallationType = installation },
        };
        Assert.Equal(new TargetSystem(new Version(10, 0, 20348), (TargetArchitecture)architecture, type, productType is null ? 0x100u : 0x190), TargetSystem.Of(Inspect(machine), system));
        Assert.Equal("DriverArchitectureUnknown", Assert.Throws<V2VException>(() => TargetSystem.Of(Inspect("mips"), null)).ErrorId);
    }
}
