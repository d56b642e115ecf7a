using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Edits of every loader's files: command lines, consoles, the default kernel.</summary>
public sealed class BootLoaderTests
{
    private const string Machine = "9af7b02ac08149d985841c07c8ff366e";
    private const string Block = "# GRUB Environment Block\nsaved_entry=" + Machine + "-9\nkernelopts=root=/dev/sda1 ro resume=/dev/sda5 console=hvc0\nboot_success=0\n";
    private const string BlsMenu = "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\nelse\n   set default=\"${saved_entry}\"\nfi\n"
        + "if [ -z \"${kernelopts}\" ]; then\n  set kernelopts=\"root=/dev/sda1 ro console=hvc0\"\nfi\ninsmod blscfg\nblscfg\n";

    [Fact]
    public void CommandLinesOfTheBootLoaderSpecificationLoseTheirNames()
    {
        PhonyGuest guest = RedHat();
        guest.Apply(new DeviceNamesStep(), new ConsoleStep());
        string root = "root=UUID=" + PhonyGuest.RootUuid;
        Assert.Contains($"set kernelopts=\"{root} ro console=ttyS0\"", guest.Text("/boot/grub2/grub.cfg"), StringComparison.Ordinal);
        Assert.Contains($"\noptions {root} ro $tuned_params console=ttyS0\n", guest.Text($"/boot/loader/entries/{Machine}-1.2.3-v2v.conf"), StringComparison.Ordinal);
        string block = guest.Text("/boot/grub2/grubenv");
        Assert.Equal(1024, block.Length);
        Assert.Equal($"{root} ro resume=UUID={PhonyGuest.SwapUuid} console=ttyS0", GrubEnvironment.Parse(block)["kernelopts"]);
        Assert.Equal($"GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX=\"resume=UUID={PhonyGuest.SwapUuid} console=ttyS0\"\nGRUB_ENABLE_BLSCFG=true\n", guest.Text("/etc/default/grub"));
        Assert.Equal(root + " ro quiet\n", guest.Text("/etc/kernel/cmdline"));
    }

    [Fact]
    public void GrubsOwnToolReadsTheBlock()
    {
        Tool.Require("grub-editenv");
        PhonyGuest guest = RedHat();
        guest.Kernels[0] = guest.Kernels[0] with { Version = "9", ImagePath = "/boot/vmlinuz-9", HasVirtioBlk = false, HasVirtioScsi = false };
        guest.Kernels.Add(PhonyGuest.NewKernel() with { IsDefault = false });
        ConversionContext context = guest.Apply(new DeviceNamesStep(), new DefaultKernelStep());
        Assert.Contains("starts the kernel 1.2.3-v2v now", Assert.Single(context.Warnings), StringComparison.Ordinal);
        Assert.DoesNotContain("set default=\"9", guest.Text("/boot/grub2/grub.cfg"), StringComparison.Ordinal);
        using var directory = new TemporaryDirectory();
        string path = directory.File("grubenv");
        File.WriteAllBytes(path, guest.Tree.ReadAllBytes("/boot/grub2/grubenv"));
        Assert.Equal(
            $"saved_entry={Machine}-1.2.3-v2v\nkernelopts=root=UUID={PhonyGuest.RootUuid} ro resume=UUID={PhonyGuest.SwapUuid} console=hvc0\nboot_success=0\n",
            Tool.Run("grub-editenv", path, "list"));
        Tool.Run("grub-editenv", path, "set", "next=a b\\c");
        string edited = GrubEnvironmentBlock.Set(File.ReadAllText(path), "boot_success", "1")!;
        File.WriteAllText(path, edited);
        Assert.Contains("next=a b\\c\n", Tool.Run("grub-editenv", path, "list"), StringComparison.Ordinal);
        Assert.Equal("a b\\c", GrubEnvironment.Parse(edited)["next"]);
    }

    [Fact]
    public void ABlockKeepsItsLengthOrStays()
    {
        string block = (Block + "note=1\\\nsaved_entry=x\n").PadRight(1024, '#');
        string after = GrubEnvironmentBlock.Set(block, "saved_entry", "\u00e4\\")!;
        Assert.Equal(1024, Encoding.UTF8.GetByteCount(after));
        Assert.Contains("\nsaved_entry=\u00e4\\\\\n", after, StringComparison.Ordinal);
        Assert.Contains("\nnote=1\\\nsaved_entry=x\n", after, StringComparison.Ordinal);
        Assert.Null(GrubEnvironmentBlock.Set(block, "saved_entry", new string('x', 900)));
        Assert.Null(GrubEnvironmentBlock.Set("no block", "a", "b"));
        Assert.Null(GrubEnvironmentBlock.Set("# GRUB Environment Block\na=b##", "a", "c"));
        Assert.Null(GrubEnvironmentBlock.Set("", "a", "c"));
    }

    [Fact]
    public void TheRealBlockOfCentOsIsEdited()
    {
        Tool.Require("grub-editenv");
        byte[] content = File.ReadAllBytes(Path.Combine(Corpus.Require("linux-inspection/grub2-u-root"), "CentOS_8_Stream_x86_64_blscfg_sda1/EFI/centos/grubenv"));
        string after = GrubEnvironmentBlock.Set(GuestText.Decode(content), "saved_entry", "other")!;
        Assert.Equal(content.Length, GuestText.Encode(after).Length);
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("grubenv"), GuestText.Encode(after));
        Assert.StartsWith("saved_entry=other\nkernelopts=root=UUID=", Tool.Run("grub-editenv", directory.File("grubenv"), "list"), StringComparison.Ordinal);
    }

    [Fact]
    public void SystemdBootStartsTheKernelWithVirtio()
    {
        PhonyGuest guest = TwoKernels("systemd-boot", "/boot/efi/loader/loader.conf");
        var esp = new MemoryFileSystem("vfat", "1234-ABCD");
        guest.OtherMounts.Add(new GuestMount("/boot/efi", esp));
        guest.Root.AddDirectory("/boot/efi");
        guest.Kernels[1] = guest.Kernels[1] with { ImagePath = $"/boot/efi/{Machine}/1.2.3-v2v/linux" };
        esp.Add("/loader/loader.conf", "timeout 3\n#default x\ndefault @saved\nconsole-mode keep\n").Add($"/{Machine}/1.2.3-v2v/linux", "kernel").Add($"/{Machine}/9/linux", "kernel")
            .Add($"/loader/entries/{Machine}-9.conf", $"title x\nlinux /{Machine}/9/linux\noptions root=/dev/sda1\n")
            .Add($"/loader/entries/{Machine}-1.2.3-v2v+3-0.conf", $"title y\nlinux /{Machine}/1.2.3-v2v/linux\ninitrd /{Machine}/1.2.3-v2v/initrd\noptions root=/dev/sda1 console=xvc0\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep(), new DefaultKernelStep(), new ConsoleStep());
        Assert.Equal($"timeout 3\n#default x\ndefault {Machine}-1.2.3-v2v.conf\nconsole-mode keep\n", guest.Text("/boot/efi/loader/loader.conf"));
        Assert.Contains($"options root=UUID={PhonyGuest.RootUuid} console=ttyS0\n", guest.Text($"/boot/efi/loader/entries/{Machine}-1.2.3-v2v+3-0.conf"), StringComparison.Ordinal);
        // Without an initramfs the kernel itself must find it.
        Assert.Contains("options root=/dev/vda1\n", guest.Text($"/boot/efi/loader/entries/{Machine}-9.conf"), StringComparison.Ordinal);
        Assert.Contains(context.Warnings, w => w.Contains("starts the kernel 1.2.3-v2v now", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("DEFAULT l0\nTIMEOUT 30\n", "DEFAULT l1\nTIMEOUT 30\n")]
    [InlineData("DEFAULT menu.c32\nTIMEOUT 30\n", "ONTIMEOUT l1\nDEFAULT menu.c32\nTIMEOUT 30\n")]
    public void ExtlinuxStartsTheKernelWithVirtio(string before, string after)
    {
        const string Entries = "LABEL l0\n\tMENU LABEL old\n{0}\tLINUX /boot/vmlinuz-9\n\tAPPEND root={1} ro\nLABEL l1\n\tLINUX ../vmlinuz-1.2.3-v2v\n\tINITRD ../initrd.img-1.2.3-v2v\n\tAPPEND root={1} console=hvc0\n";
        PhonyGuest guest = TwoKernels("extlinux", "/boot/extlinux/extlinux.conf");
        guest.Root.Add("/boot/extlinux/extlinux.conf", before + string.Format(null, Entries, "\tMENU DEFAULT\n", "/dev/sda1")).Add("/boot/vmlinuz-9", "kernel").Add("/boot/vmlinuz-1.2.3-v2v", "kernel")
            .Add("/etc/update-extlinux.conf", "root=/dev/sda1\ndefault_kernel_opts=\"quiet\"\n");
        guest.Apply(new DeviceNamesStep(), new DefaultKernelStep(), new ConsoleStep());
        Assert.Equal(
            after + string.Format(null, Entries, "", "UUID=" + PhonyGuest.RootUuid).Replace("hvc0", "ttyS0", StringComparison.Ordinal), guest.Text("/boot/extlinux/extlinux.conf"));
        Assert.Equal($"root=UUID={PhonyGuest.RootUuid}\ndefault_kernel_opts=\"quiet\"\n", guest.Text("/etc/update-extlinux.conf"));
    }

    [Fact]
    public void TheDefaultOfRedHatsPackagesFollows()
    {
        PhonyGuest guest = TwoKernels("grub1", "/boot/grub/grub.conf");
        guest.Kernels[1] = guest.Kernels[1] with { Package = "kernel" };
        guest.Root.Add("/boot/grub/grub.conf", "default=0\ntitle a\nkernel /vmlinuz-9\ntitle b\nkernel /vmlinuz-1.2.3-v2v\n").Add("/etc/sysconfig/kernel", "UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel-xen\n")
            .Add("/etc/sysconfig/grub", "boot=/dev/sda\nforcelba=0\n");
        guest.Apply(new DeviceNamesStep(), new DefaultKernelStep());
        Assert.StartsWith("default 1\n", guest.Text("/boot/grub/grub.conf"), StringComparison.Ordinal);
        Assert.Equal("UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n", guest.Text("/etc/sysconfig/kernel"));
        Assert.Equal("boot=/dev/vda\nforcelba=0\n", guest.Text("/etc/sysconfig/grub"));
    }

    private static PhonyGuest TwoKernels(string loader, string config)
    {
        var guest = new PhonyGuest { BootLoader = new BootLoaderInfo(loader, config, null) };
        guest.Kernels[0] = guest.Kernels[0] with { Version = "9", ImagePath = "/boot/vmlinuz-9", HasVirtioBlk = false, HasVirtioScsi = false };
        guest.Kernels.Add(PhonyGuest.NewKernel() with { IsDefault = false });
        return guest;
    }

    private static PhonyGuest RedHat()
    {
        var guest = new PhonyGuest { Distro = "rocky", PackageFormat = "rpm", BootLoader = new BootLoaderInfo("grub2", "/boot/grub2/grub.cfg", null) };
        guest.Root.Add("/boot/grub2/grub.cfg", BlsMenu).Add("/boot/grub2/grubenv", Block.PadRight(1024, '#')).Add("/boot/vmlinuz-9", "kernel").Add("/boot/vmlinuz-1.2.3-v2v", "kernel")
            .Add("/etc/default/grub", "GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX=\"resume=/dev/sda5 console=hvc0\"\nGRUB_ENABLE_BLSCFG=true\n").Add("/etc/kernel/cmdline", "root=/dev/sda1 ro quiet\n")
            .Add($"/boot/loader/entries/{Machine}-9.conf", "title Rocky (9)\nversion 9\nlinux /vmlinuz-9\ninitrd /initramfs-9.img\noptions $kernelopts\nid rocky-9\n")
            .Add($"/boot/loader/entries/{Machine}-1.2.3-v2v.conf", "title Rocky (1.2.3-v2v)\nversion 1.2.3-v2v\nlinux /vmlinuz-1.2.3-v2v\ninitrd /initramfs-1.2.3-v2v.img $tuned_initrd\n"
                + "options root=/dev/sda1 ro $tuned_params console=hvc0\n");
        return guest;
    }
}
