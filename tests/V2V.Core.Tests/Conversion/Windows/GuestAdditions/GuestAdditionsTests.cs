using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Registry;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.GuestAdditions;

/// <summary>Additions in the hives of real guests of VMware, and in keys as other hypervisors make them.</summary>
public class GuestAdditionsTests
{
    private const string DiskClass = @"ControlSet001\Control\Class\{4d36e967-e325-11ce-bfc1-08002be10318}";
    private const string SystemClass = @"ControlSet001\Control\Class\{4d36e97d-e325-11ce-bfc1-08002be10318}";

    [Fact]
    public void VMware_Tools_of_a_real_Windows_10_do_not_start_any_more()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = WithTools();
        ConversionContext context = guest.Run(new GuestAdditionsStep());
        AdditionsFound found = Assert.Single(context.Windows.Additions);
        Assert.Equal("VMware Tools", found.Product);
        foreach (string service in (string[])["VMTools", "VGAuthService", "vmci", "vsock", "VMMemCtl", "VMRawDsk", "vmhgfs", "vm3dmp", "vm3dmp_loader"])
        {
            Assert.Contains(service, found.Services, StringComparer.OrdinalIgnoreCase);
            Assert.Equal("4", guest.ByHivex(directory, "SYSTEM", $@"ControlSet001\Services\{service}", "Start"));
        }

        InstalledProgram entry = Assert.Single(found.Entries);
        Assert.Equal(("{FE2F6A2C-196E-4210-9C04-2B1BC21F07EF}", "MsiExec.exe /X{FE2F6A2C-196E-4210-9C04-2B1BC21F07EF}"), (entry.ProductCode, entry.UninstallCommand));
        Assert.Equal([@"C:\Program Files\VMware\VMware Tools"], found.Folders);
        Assert.Equal("SecurityHealth", Assert.Single(guest.Hive("SOFTWARE").Get(@"Microsoft\Windows\CurrentVersion\Run").Values).Name);
        Assert.Empty(guest.Hive("SOFTWARE").Get(@"WOW6432Node\Microsoft\Windows\CurrentVersion\Run").Values);
    }

    [Fact]
    public void Filters_of_mice_that_KVM_has_too_stay_until_their_packages_are_deleted()
    {
        using HiveGuest guest = WithTools();
        ConversionContext context = guest.Run(new GuestAdditionsStep());
        Assert.Contains("vmmouse", Assert.Single(context.Windows.Additions).Services, StringComparer.OrdinalIgnoreCase);
        Assert.Equal(3ul, guest.Hive("SYSTEM").Get(@"ControlSet001\Services\vmmouse").GetNumber("Start"));
    }

    [Fact]
    public void What_comes_with_Windows_is_left_alone()
    {
        using HiveGuest guest = WithTools();
        ConversionContext context = guest.Run(new GuestAdditionsStep());
        Assert.All(context.Editor.Changes, c => Assert.DoesNotMatch(@"(?i)\\Services\\(vmbus|vmic\w+|hv\w+|storvsc|netvsc|LSI_SAS|disk|partmgr)\\", c.Path));
    }

    [Fact]
    public void A_second_run_changes_nothing()
    {
        using HiveGuest guest = WithTools();
        Assert.NotEmpty(guest.Run(new GuestAdditionsStep()).Editor.Changes);
        ConversionContext again = guest.Run(new GuestAdditionsStep());
        Assert.Empty(again.Editor.Changes);
        Assert.NotEmpty(Assert.Single(again.Windows.Additions).Services);
    }

    [Fact]
    public void Every_control_set_that_may_be_booted_is_changed()
    {
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386" };
        ConversionContext context = guest.Run(new GuestAdditionsStep());
        Assert.Equal(["ControlSet001", "ControlSet002"], context.Windows.ControlSets);
        Assert.All(context.Windows.ControlSets, s => Assert.Equal(4ul, guest.Hive("SYSTEM").Get(s + @"\Services\VMTools").GetNumber("Start")));
    }

    [Fact]
    public void Class_and_device_filters_lose_only_what_is_named()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SYSTEM", hive =>
        {
            hive.Create(DiskClass).SetValue("LowerFilters", RegistryValueType.MultiString, RegistryValue.Encode(["EhStorClass", "PRL_STRG"]));
            hive.Create(SystemClass).SetValue("UpperFilters", RegistryValueType.MultiString, RegistryValue.Encode(["XENFILT"]));
            hive.Create(@"ControlSet001\Enum\ACPI\PNP0A03\0").SetValue("UpperFilters", RegistryValueType.MultiString, RegistryValue.Encode(["xenfilt", "other"]));
            foreach (string service in (string[])["prl_strg", "xenfilt", "xenbus"])
            {
                hive.Create(@"ControlSet001\Services\" + service).SetNumber("Start", 0);
            }
        });
        ConversionContext context = guest.Run(new GuestAdditionsStep());
        RegistryHive after = guest.Hive("SYSTEM");
        Assert.Equal(["EhStorClass"], after.Get(DiskClass).GetValue("LowerFilters")!.Texts);
        Assert.Null(after.Get(SystemClass).GetValue("UpperFilters"));
        Assert.Equal(["other"], after.Get(@"ControlSet001\Enum\ACPI\PNP0A03\0").GetValue("UpperFilters")!.Texts);
        Assert.Equal(["fvevol", "iorate", "rdyboost"], after.Get(@"ControlSet001\Control\Class\{71a27cdd-812a-11d0-bec7-08002be2092f}").GetValue("LowerFilters")!.Texts);
        Assert.All((string[])["prl_strg", "xenfilt", "xenbus"], s => Assert.Equal(4ul, after.Get(@"ControlSet001\Services\" + s).GetNumber("Start")));
        Assert.Equal(["Parallels Tools", "VMware Tools", "Xen drivers"], context.Windows.Additions.Select(a => a.Product).Order());
    }

    [Fact]
    public void Packages_are_told_by_provider_and_service()
    {
        using HiveGuest guest = WithTools();
        guest.Root.Add("/Windows/INF/oem4.inf", Inf("VMware, Inc.", "pvscsi")).Add("/Windows/INF/oem5.inf", Inf("VMware, Inc.", "VMnetAdapter"))
            .Add("/Windows/INF/oem6.inf", Inf("Contoso", "pvscsi")).Add("/Windows/INF/oem7.inf", "no INF").Add("/Windows/INF/disk.inf", Inf("VMware, Inc.", "pvscsi"));
        Assert.Equal(["oem4.inf"], Assert.Single(guest.Run(new GuestAdditionsStep()).Windows.Additions).DriverPackages);
        Assert.Contains(guest.Warnings, w => w.Contains("oem7.inf", StringComparison.Ordinal));
    }

    [Fact]
    public void What_VMware_Workstation_needs_stays()
    {
        using HiveGuest guest = WithTools();
        guest.Edit("SOFTWARE", hive => hive.Create(@"Microsoft\Windows\CurrentVersion\Uninstall\VMware_Workstation").SetText("DisplayName", "VMware Workstation"));
        guest.Run(new GuestAdditionsStep());
        Assert.Equal(0ul, guest.Hive("SYSTEM").Get(@"ControlSet001\Services\vmci").GetNumber("Start"));
        Assert.Equal(4ul, guest.Hive("SYSTEM").Get(@"ControlSet001\Services\VMTools").GetNumber("Start"));
    }

    [Fact]
    public void Logging_on_and_shared_folders_do_not_load_libraries_of_the_additions()
    {
        using HiveGuest guest = WithTools();
        guest.Edit("SYSTEM", hive => hive.Create(@"ControlSet001\Control\NetworkProvider\Order").SetText("ProviderOrder", "vmhgfs,RDPNP,LanmanWorkstation,webclient"));
        guest.Edit("SOFTWARE", hive => hive.Create(@"Microsoft\Windows NT\CurrentVersion\Winlogon").SetText("GinaDLL", "VMGINA.DLL"));
        guest.Run(new GuestAdditionsStep());
        Assert.Equal("RDPNP,LanmanWorkstation,webclient", guest.Hive("SYSTEM").Get(@"ControlSet001\Control\NetworkProvider\Order").GetText("ProviderOrder"));
        Assert.Null(guest.Hive("SOFTWARE").Get(@"Microsoft\Windows NT\CurrentVersion\Winlogon").GetValue("GinaDLL"));
    }

    [Fact]
    public void Tools_can_be_kept()
    {
        using HiveGuest guest = WithTools();
        guest.Options = new ConversionOptions { KeepGuestTools = true };
        Assert.Empty(guest.Run(new GuestAdditionsStep()).Editor.Changes);
    }

    private static HiveGuest WithTools()
    {
        var guest = new HiveGuest(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SOFTWARE", hive =>
        {
            RegistryKey entry = hive.Create(@"Microsoft\Windows\CurrentVersion\Uninstall\{FE2F6A2C-196E-4210-9C04-2B1BC21F07EF}");
            entry.SetText("DisplayName", "VMware Tools");
            entry.SetText("UninstallString", "MsiExec.exe /X{FE2F6A2C-196E-4210-9C04-2B1BC21F07EF}");
            RegistryKey run = hive.Create(@"Microsoft\Windows\CurrentVersion\Run");
            run.SetText("VMware User Process", "\"C:\\Program Files\\VMware\\VMware Tools\\vmtoolsd.exe\" -n vmusr");
            run.SetText("SecurityHealth", @"%windir%\system32\SecurityHealthSystray.exe", RegistryValueType.ExpandString);
            hive.Create(@"WOW6432Node\Microsoft\Windows\CurrentVersion\Run").SetText("VMware VM3DService Process", "vm3dservice.exe -u");
            hive.Create(@"Microsoft\Windows NT\CurrentVersion").SetText("SystemRoot", @"C:\Windows");
        });
        guest.Root.AddDirectory("/Program Files/VMware/VMware Tools");
        return guest;
    }

    private static string Inf(string provider, string service) =>
        $"[Version]\r\nSignature=\"$Windows NT$\"\r\nProvider=%P%\r\n[I.Services]\r\nAddService={service},2,S\r\n[S]\r\nServiceType=1\r\n[Strings]\r\nP=\"{provider}\"\r\n";
}
