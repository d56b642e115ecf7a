using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Inspection;
using V2V.Storage;
using Xunit;
using ZstdSharp;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Guests whose files were damaged at random: nothing but our own exceptions may come out, and always something does.</summary>
public sealed partial class HostileGuestTests
{
    private static readonly string[] s_files =
    [
        "/boot/initrd.img-1.2.3-v2v", "/lib/modules/1.2.3-v2v/modules.dep", "/lib/modules/1.2.3-v2v/modules.alias", "/lib/modules/1.2.3-v2v/modules.symbols",
        "/lib/modules/1.2.3-v2v/modules.softdep", "/boot/grub/grub.cfg", "/etc/fstab", "/etc/crypttab", "/etc/default/grub", "/etc/initramfs-tools/modules",
        "/etc/udev/rules.d/70-persistent-net.rules", "/etc/X11/xorg.conf", "/etc/modprobe.d/a.conf", "/var/lib/VBoxGuestAdditions/config",
        "/lib/modules/1.2.3-v2v/kernel/drivers/block/virtio_blk.ko.zst",
    ];

    [Theory]
    [InlineData("zstd")]
    [InlineData("none")]
    [InlineData("lz4")]
    public void OnlyOurOwnErrorsComeOut(string compression)
    {
        for (int seed = 0; seed < 120; seed++)
        {
            var random = new Random(seed);
            PhonyGuest guest = Build(compression);
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                string path = s_files[random.Next(s_files.Length)];
                guest.Root.Add(path, Mutate(guest.Tree.ReadAllBytes(path), random));
            }

            try
            {
                guest.Apply([.. LinuxConversion.Steps]);
            }
            catch (V2VException)
            {
                // Refused by name.
            }
        }
    }

    [Fact]
    public void EveryErrorIsDocumented()
    {
        string root = RepositoryRoot();
        string documents = string.Concat(Directory.GetFiles(Path.Combine(root, "docs", "errors"), "*.md").Select(File.ReadAllText));
        string sources = string.Concat(Directory.GetFiles(Path.Combine(root, "src", "V2V.Core", "Conversion"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        string[] raised = [.. RaisedPattern().Matches(sources).Select(m => m.Groups[1].Value).Distinct()];
        Assert.True(raised.Length > 10, "The pattern finds too few errors.");
        Assert.DoesNotContain(raised, id => !documents.Contains($"`{id}`", StringComparison.Ordinal));
        string listed = File.ReadAllText(Path.Combine(root, "docs", "errors", "conversion.md"));
        Assert.DoesNotContain(ListedPattern().Matches(listed).Select(m => m.Groups[1].Value), id => !sources.Contains($"\"{id}\"", StringComparison.Ordinal));
    }

    private static PhonyGuest Build(string compression)
    {
        PhonyGuest guest = new PhonyGuest().AddModules("zst");
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsCompression = compression };
        guest.Kernels.Add(PhonyGuest.NewKernel() with { Version = "9", ImagePath = "/boot/vmlinuz-9", IsDefault = false, HasVirtioBlk = false, HasVirtioScsi = false });
        guest.Tools.Add(new GuestToolInfo("open-vm-tools", "package", ["open-vm-tools"]));
        var archive = new CpioWriter();
        archive.AddFile("usr/lib/modules/1.2.3-v2v/kernel/drivers/scsi/vmw_pvscsi.ko.zst", new byte[300]);
        byte[] plain = archive.Finish().ToArray();
        using var compressor = new Compressor();
        byte[] main = compression switch
        {
            "zstd" => compressor.Wrap(plain).ToArray(),
            "lz4" => [0x02, 0x21, 0x4C, 0x18, .. Lz4LegacyFrame.Continue(plain)],
            _ => plain,
        };
        guest.Root.Add(s_files[0], main).Add("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n.host:/ /mnt vmhgfs defaults 0 0\n").Add("/etc/crypttab", "s /dev/sda5 /dev/urandom swap\n")
            .Add("/boot/grub/grub.cfg", "set default=\"0\"\nmenuentry 'a' {\n\tlinux /boot/vmlinuz-1.2.3-v2v root=/dev/sda1\n\tinitrd /i\n}\nsubmenu 'b' {\nmenuentry 'c' {\nlinux /boot/vmlinuz-9\n}\n}\n")
            .Add("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX=\"resume=/dev/sda5 console=hvc0\"\n").Add("/etc/initramfs-tools/modules", "vmw_pvscsi\n")
            .Add("/etc/udev/rules.d/70-persistent-net.rules", "DRIVERS==\"vmxnet3\", ATTR{address}==\"00:0c:29:aa:bb:cc\", NAME=\"eth0\"\n")
            .Add("/etc/X11/xorg.conf", "Section \"Device\"\nDriver \"vmware\"\nEndSection\n").Add("/etc/modprobe.d/a.conf", "alias eth0 vmxnet3\n")
            .Add("/var/lib/VBoxGuestAdditions/config", "INSTALL_DIR=/opt/x\n");
        return guest;
    }

    private static byte[] Mutate(byte[] content, Random random)
    {
        byte[] result = [.. content];
        switch (random.Next(4))
        {
            case 0:
                return result[..random.Next(result.Length + 1)];
            case 1:
                return [.. result, .. result[random.Next(result.Length + 1)..]];
            default:
                for (int i = random.Next(1, 40); i > 0 && result.Length > 0; i--)
                {
                    result[random.Next(result.Length)] = (byte)random.Next(256);
                }

                return result;
        }
    }

    private static string RepositoryRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    [GeneratedRegex("(?:Exception|Corrupt|Unsupported)\\(\\s*\"([A-Z][A-Za-z0-9]+)\"")]
    private static partial Regex RaisedPattern();

    [GeneratedRegex("^\\| `([A-Za-z0-9]+)`", RegexOptions.Multiline)]
    private static partial Regex ListedPattern();
}
