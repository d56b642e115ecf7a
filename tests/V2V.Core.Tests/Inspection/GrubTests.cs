using System.Text;
using System.Text.Json;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class GrubTests
{
    private const string Menu = """
        if [ -s $prefix/grubenv ]; then
          load_env
        fi
        if [ "${next_entry}" ] ; then
           set default="${next_entry}"
        else
           set default="DEFAULT"
        fi
        if [ x"${feature_menuentry_id}" = xy ]; then
          menuentry_id_option="--id"
        else
          menuentry_id_option=""
        fi
        function savedefault {
          set default=wrong
        }
        menuentry 'First' --class os $menuentry_id_option 'id-first' {
            set root='hd0,msdos1'
            if [ x$grub_platform = xxen ]; then insmod xzio; linux /xen; fi
            linux   /boot/vmlinuz-2 root=/dev/sda1 ro "quiet splash"
            initrd  /boot/ucode.img /boot/initrd.img-2
        }
        submenu 'Advanced > more' $menuentry_id_option 'id-advanced' {
            menuentry "Second ${nothing}entry" --id='id-second' {
                linux16 /boot/vmlinuz-1 \
                    ro
                initrd16 /boot/initrd.img-1
            }
            menuentry 'Third' { linuxefi /vmlinuz-3 ; initrdefi /initrd-3 }
        }
        menuentry 'Windows' { # nothing
            chainloader +1
        }
        menuentry 'Xen' {
            multiboot2 /boot/xen.gz placeholder
            module2 /boot/vmlinuz-2 placeholder root=/dev/sda1
            module2 --nounzip /boot/initrd.img-2
        }
        """;

    private static GrubScript Run(string text, Dictionary<string, string>? environment = null, bool isUefi = false) =>
        GrubScript.Run(text, environment ?? [], () => [], isUefi);

    [Fact]
    public void EntriesAreFound()
    {
        List<BootEntry> entries = Run(Menu).Menu.Flatten();
        Assert.Equal(["First", "Second entry", "Third", "Windows", "Xen"], entries.Select(e => e.Title));
        Assert.Equal(["/boot/vmlinuz-2", "/boot/vmlinuz-1", "/vmlinuz-3", null, "/boot/vmlinuz-2"], entries.Select(e => e.Kernel));
        Assert.Equal(["/boot/ucode.img", "/boot/initrd.img-2"], entries[0].Initrds);
        Assert.Equal("root=/dev/sda1 ro quiet splash", entries[0].CommandLine);
        Assert.Equal("ro", entries[1].CommandLine);
        Assert.Equal(["/boot/initrd.img-2"], entries[4].Initrds);
        Assert.Equal("root=/dev/sda1", entries[4].CommandLine);
    }

    [Theory]
    [InlineData("0", "First")]
    [InlineData("1", "Second entry")]
    [InlineData("1>1", "Third")]
    [InlineData("id-first", "First")]
    [InlineData("First", "First")]
    [InlineData("id-advanced>id-second", "Second entry")]
    [InlineData("Advanced >> more>Third", "Third")]
    [InlineData("Xen", "Xen")]
    [InlineData("99", "First")]
    [InlineData("no such", "First")]
    [InlineData("${saved_entry}", "Third")]
    [InlineData("", "First")]
    public void DefaultNamesAnEntry(string value, string title)
    {
        GrubScript script = Run(Menu.Replace("DEFAULT", value, StringComparison.Ordinal), new() { ["saved_entry"] = "id-advanced>Third" });
        Assert.Equal(title, script.Menu.Find(script.Default)?.Title);
    }

    [Fact]
    public void NextEntryOfTheEnvironmentWins()
    {
        GrubScript script = Run(Menu, new() { ["next_entry"] = "Windows" });
        Assert.Equal("Windows", script.Menu.Find(script.Default)?.Title);
    }

    [Theory]
    [InlineData("if true; then set default=1; else set default=2; fi", "1")]
    [InlineData("if false; then set default=1; elif [ a = a ]; then set default=2; else set default=3; fi", "2")]
    [InlineData("if ! false; then set default=1; fi", "1")]
    [InlineData("if [ -z \"$x\" -a b != c ]; then set default=1; else set default=2; fi", "1")]
    [InlineData("if [ -n \"$x\" -o a = b ]; then set default=1; else set default=2; fi", "2")]
    [InlineData("if keystatus --shift; then set default=1; else set default=2; fi", "2")]
    [InlineData("if [ -f /boot/x ]; then set default=1; fi", "1")]
    [InlineData("if false; then if true; then set default=1; else set default=2; fi; fi", "")]
    [InlineData("default='a b'", "a b")]
    [InlineData("set x=y; set default=${x}z$x", "yzy")]
    [InlineData("for i in 1 2; do set default=7; done", "7")]
    [InlineData("} } fi done set default=3", "")]
    [InlineData("set default=\"a\\\"b\"", "a\"b")]
    public void ConditionsAreEvaluated(string text, string expected) => Assert.Equal(expected, Run(text).Default);

    [Fact]
    public void DeepAndHugeScriptsAreRefusedOrCut()
    {
        string deep = string.Concat(Enumerable.Repeat("if true; then\n", 100_000));
        Assert.Equal("GrubConfigTooDeep", Assert.Throws<V2VException>(() => Run(deep)).ErrorId);
        string doubling = "set a=xxxxxxxxxxxxxxxx\n" + string.Concat(Enumerable.Repeat("set a=$a$a\n", 64));
        Assert.InRange(Run(doubling + "set default=$a").Default.Length, 0, 1 << 20);
        string many = string.Concat(Enumerable.Repeat("menuentry 'x' {\n linux /x\n}\n", 20_000));
        Assert.InRange(Run(many).Menu.Flatten().Count, 1, BootMenu.MaxEntries);
    }

    [Fact]
    public void DamagedScriptsDoNotThrowAnythingElse()
    {
        foreach (byte[] damaged in Guests.Damage(Encoding.UTF8.GetBytes(Menu), 3000))
        {
            string text = GuestText.Decode(damaged);
            try
            {
                Run(text).Menu.Find(text);
            }
            catch (V2VException)
            {
            }

            Grub1Config.Parse(GuestText.SplitLines(text));
            ExtlinuxConfig.Parse(GuestText.SplitLines(text));
            BlsEntries.Parse("x", GuestText.SplitLines(text), out _);
            GrubEnvironment.Parse(text);
        }
    }

    [Theory]
    [InlineData("CentOS_7_x86_64_DVD_1810", "EFI/BOOT/grub.cfg")]
    [InlineData("CentOS_7_x86_64_DVD_1810_efi_install_sda1", "EFI/centos/grub.cfg")]
    [InlineData("debian_10_4_installed", "boot/grub/grub.cfg")]
    [InlineData("fedora_27_install", "EFI/BOOT/grub.cfg")]
    [InlineData("rhel_7_8_installed", "grub2/grub.cfg")]
    [InlineData("qubes_3_2_boot", "grub2/grub.cfg")]
    public void RealMenusAgreeWithURoot(string machine, string config)
    {
        string folder = Corpus.Require("linux-inspection/grub2-u-root");
        GrubScript script = Run(File.ReadAllText(Path.Combine(folder, machine, config)), isUefi: true);
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, machine + ".json")));
        List<JsonElement> wanted = [.. expected.RootElement.EnumerateArray()];

        // u-root lists what it can load itself, the default first; entries of another kind (chain loaders) are ours alone.
        BootEntry chosen = script.Menu.Find(script.Default)!;
        List<BootEntry> ours = [chosen, .. script.Menu.Flatten().Where(e => e.Kernel is not null && !ReferenceEquals(e, chosen))];
        Assert.Equal(wanted.Select(w => w.GetProperty("name").GetString()), ours.Select(e => e.Title));
        foreach ((JsonElement image, BootEntry entry) in wanted.Zip(ours))
        {
            if (image.GetProperty("image_type").GetString() == "linux")
            {
                Assert.Equal(Name(image.GetProperty("kernel").GetProperty("url")), GuestPath.GetName(entry.Kernel!));
                Assert.Equal(Name(image.GetProperty("initrd").GetProperty("url")), GuestPath.GetName(entry.Initrds[0]));
                Assert.Equal(image.GetProperty("cmdline").GetString(), entry.CommandLine);
            }
            else
            {
                Assert.Equal(Name(image.GetProperty("modules")[0].GetProperty("url")), GuestPath.GetName(entry.Kernel!));
            }
        }

        static string Name(JsonElement url) => url.GetString()!.Split('/')[^1];
    }

    [Fact]
    public void BootLoaderSpecificationEntriesAreReadByBlscfg()
    {
        string folder = Corpus.Require("linux-inspection/grub2-u-root/CentOS_8_Stream_x86_64_blscfg_sda1");
        MemoryFileSystem root = Guests.FromFolder(Path.Combine(folder, "boot"), at: "/boot");
        Guests.FromFolder(Path.Combine(folder, "EFI"), root, "/boot/efi/EFI");
        BootSetup setup = BootSetup.Find(Guests.Context(root), FirmwareType.Uefi, "x86_64", BootCode.None);
        Assert.Equal(new BootLoaderInfo("grub2", "/boot/efi/EFI/centos/grub.cfg", false), setup.Loader);
        Assert.Equal("/boot/vmlinuz-5.18.0", setup.Menu.Default?.Kernel);
        Assert.Equal("9af7b02ac08149d985841c07c8ff366e-5.18.0", setup.Menu.Default?.Id);
        Assert.Contains("root=UUID=d0be5cb9-622d-42d5-a531-674aaa120309", setup.Menu.Default!.CommandLine, StringComparison.Ordinal);
        Assert.Equal(["/boot/initramfs-5.18.0.img"], setup.Menu.Default.Initrds);
    }

    [Fact]
    public void WrapperOnTheEspLeadsToTheRealMenu()
    {
        var root = new MemoryFileSystem()
            .Add("/boot/efi/EFI/debian/grub.cfg", "search.fs_uuid 42 root hd0,gpt2\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n")
            .Add("/boot/grub/grub.cfg", "menuentry 'D' { linux /boot/vmlinuz-1\n}\n")
            .Add("/boot/efi/EFI/BOOT/BOOTX64.EFI", "MZ").Add("/boot/vmlinuz-1", "");
        BootSetup setup = BootSetup.Find(Guests.Context(root), FirmwareType.Uefi, "x86_64", BootCode.None);
        Assert.Equal(new BootLoaderInfo("grub2", "/boot/grub/grub.cfg", true), setup.Loader);
        Assert.Equal("/boot/vmlinuz-1", setup.Menu.Default?.Kernel);
    }

    [Theory]
    [InlineData("grub.2", 0)]
    [InlineData("grub.4", 0)]
    [InlineData("grub.6", 2)]
    [InlineData("grub.8", 0)]
    [InlineData("grub.10", 0)]
    public void Grub1DefaultsAgreeWithGrubby(string file, int index)
    {
        BootMenu menu = Grub1Config.Parse(File.ReadLines(Corpus.Require("linux-inspection/grubby/" + file)));
        Assert.NotEmpty(menu.Entries);

        // grubby passes over entries whose kernel does not exist; the menu itself says the number.
        string? named = File.ReadLines(Corpus.Require("linux-inspection/grubby/" + file)).FirstOrDefault(l => l.StartsWith("default", StringComparison.Ordinal));
        int expected = named is null ? 0 : int.Parse(named.Split('=', ' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(menu.Entries[expected], menu.Default);
        Assert.InRange(index, 0, menu.Entries.Count - 1);
        Assert.All(menu.Entries.Where(e => e.Kernel is not null), e => Assert.StartsWith("/", e.Kernel![(e.Kernel!.IndexOf(')', StringComparison.Ordinal) + 1)..], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("default=1\n", "", "two")]
    [InlineData("default 0\n", "", "one")]
    [InlineData("default saved\n", "1\n", "two")]
    [InlineData("default=9\n", "", "one")]
    [InlineData("", "", "one")]
    public void Grub1DefaultIsANumber(string line, string saved, string title)
    {
        string text = line + "timeout 5\ntitle one\n root (hd0,0)\n kernel (hd0,0)/vmlinuz-1 ro root=/dev/hda1\n initrd /initrd-1\ntitle two\n kernel --type=x /vmlinuz-2\n"
            + "title xen\n kernel /xen.gz\n module /vmlinuz-3 ro\n module /initrd-3\n";
        BootMenu menu = Grub1Config.Parse(GuestText.SplitLines(text), saved);
        Assert.Equal(title, menu.Default?.Title);
        Assert.Equal(["(hd0,0)/vmlinuz-1", "/vmlinuz-2", "/vmlinuz-3"], menu.Entries.Select(e => e.Kernel));
        Assert.Equal("ro root=/dev/hda1", menu.Entries[0].CommandLine);
        Assert.Equal(["/initrd-3"], menu.Entries[2].Initrds);
    }

    [Fact]
    public void ExtlinuxMenuIsRead()
    {
        BootMenu menu = ExtlinuxConfig.Parse(GuestText.SplitLines(
            "default two\nlabel one\n menu label ^One\n kernel /vmlinuz-1\n append initrd=/initrd-1 ro\nlabel two\n linux ../vmlinuz-2\n initrd ../initrd-2\n"));
        Assert.Equal("../vmlinuz-2", menu.Default?.Kernel);
        Assert.Equal(["One", "two"], menu.Entries.Select(e => e.Title));
        Assert.Equal(["/initrd-1"], menu.Entries[0].Initrds);
        Assert.NotEmpty(ExtlinuxConfig.Parse(File.ReadLines(Corpus.Require("linux-inspection/grubby/extlinux.4"))).Entries);
    }

    [Fact]
    public void OtherLoadersAreNamed()
    {
        Assert.Equal("lilo", Find(("/etc/lilo.conf", ""))?.Type);
        Assert.Equal("lilo", Find(BootCode.Lilo, ("/etc/lilo.conf", ""), ("/boot/grub/grub.cfg", "menuentry x { linux /x\n}"))?.Type);
        Assert.Equal("extlinux", Find(BootCode.Syslinux, ("/boot/extlinux/extlinux.conf", ""), ("/boot/grub/grub.cfg", ""))?.Type);
        Assert.Equal("grub1", Find(("/boot/grub/menu.lst", "title x\n kernel /x"))?.Type);
        Assert.Equal("zipl", Find(("/etc/zipl.conf", ""))?.Type);
        Assert.Null(Find(("/etc/hosts", "")));

        static BootLoaderInfo? Find(params object[] what) => BootSetup.Find(
            Guests.Context([.. what.OfType<(string, string)>()]), FirmwareType.Bios, "x86_64", what.OfType<BootCode>().FirstOrDefault(BootCode.Grub)).Loader;
    }

    [Fact]
    public void SystemdBootIsFoundWithItsEntries()
    {
        var root = new MemoryFileSystem().Add("/boot/efi/EFI/systemd/systemd-bootx64.efi", "").Add("/boot/efi/loader/loader.conf", "timeout 3\ndefault arch-lts*\n")
            .Add("/boot/efi/loader/entries/arch.conf", "title Arch\nversion 2\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions root=UUID=1 rw\n")
            .Add("/boot/efi/loader/entries/arch-lts.conf", "title LTS\nversion 1\nlinux /vmlinuz-linux-lts\ninitrd /ucode.img\ninitrd /initramfs-linux-lts.img\n")
            .Add("/boot/efi/efi_is_case_free", "");
        BootSetup setup = BootSetup.Find(Guests.Context(root), FirmwareType.Uefi, "x86_64", BootCode.None);
        Assert.Equal(("systemd-boot", "/boot/efi/loader/loader.conf"), (setup.Loader!.Type, setup.Loader.ConfigPath));
        Assert.Equal("/vmlinuz-linux-lts", setup.Menu.Default?.Kernel);
        Assert.Equal(2, setup.Menu.Entries.Count);
    }

    [Theory]
    [InlineData("6.1.0-18-amd64", "6.1.0-9-amd64", 1)]
    [InlineData("5.10.0", "5.9.99", 1)]
    [InlineData("5.10", "5.10.1", -1)]
    [InlineData("0-rescue-abc", "5.1", -1)]
    [InlineData("1.0", "1.0", 0)]
    [InlineData("1.007", "1.7", 0)]
    [InlineData("eth2", "eth10", -1)]
    [InlineData("1", "a", -1)]
    public void VersionsCompareByTheirNumbers(string a, string b, int expected)
    {
        Assert.Equal(expected, Math.Sign(PackageVersion.Compare(a, b)));
        Assert.Equal(-expected, Math.Sign(PackageVersion.Compare(b, a)));
    }
}
