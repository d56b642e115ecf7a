using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.SeLinux;
using V2V.Core.Guest;
using V2V.Core.Tests.Guest;
using V2V.FileSystems;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Labels by a real policy (Debian's), judged by libselinux.</summary>
public class SeLinuxTests
{
    private const string Policy = "/etc/selinux/targeted/contexts/files/file_contexts";
    private const string RealPolicy = "/etc/selinux/default/contexts/files/file_contexts";
    private const string Small = """
        /.*	system_u:object_r:default_t:s0
        /etc/.*	system_u:object_r:etc_t:s0
        /usr/lib/.*	--	system_u:object_r:lib_t:s0
        /usr/lib/systemd/system(/.*)?	system_u:object_r:systemd_unit_t:s0
        /etc/machine\-id	--	system_u:object_r:machineid_t:s0
        /tmp/.*	<<none>>
        """;

    [Theory]
    [InlineData("file", GuestFileType.File)]
    [InlineData("dir", GuestFileType.Directory)]
    [InlineData("lnk", GuestFileType.SymbolicLink)]
    public void LabelsAreThoseOfLibselinux(string mode, GuestFileType type)
    {
        Tool.Require("matchpathcon");
        if (!File.Exists(RealPolicy))
        {
            Tool.Missing("the package selinux-policy-default");
        }

        var root = new MemoryFileSystem();
        foreach (string suffix in (string[])["", ".homedirs", ".local", ".subs", ".subs_dist"])
        {
            if (File.Exists(RealPolicy + suffix))
            {
                root.Add(Policy + suffix, File.ReadAllBytes(RealPolicy + suffix));
            }
        }

        FileContexts contexts = FileContexts.Load(new GuestTree(new GuestMount("/", root)), Policy)!;
        string[] paths =
        [
            "/etc/systemd/system/v2v-firstboot.service", "/etc/systemd/network/10-v2v-ens192.link", "/usr/lib/v2v-firstboot", "/usr/lib/v2v-firstboot/firstboot.sh",
            "/lib/modules/6.1.0/kernel/x.ko", "/boot/initramfs-6.1.img", "/boot/efi/EFI/BOOT/BOOTX64.EFI", "/run/lock/x", "/root/.ssh/authorized_keys", "/home/user/.ssh/id",
            "/var/lib/systemd/random-seed", "/etc/udev/rules.d/70-v2v-net.rules", "/etc/NetworkManager/system-connections/a.nmconnection", "/etc/rc.d/init.d/v2v", "/a.quota", "/aquota.user",
            .. Sample("/etc", 900), .. Sample("/usr/lib/systemd", 300), .. Sample("/usr/bin", 300), .. Sample("/var", 500), .. Sample("/usr/share", 300),
        ];
        string[] lines = Tool.Run("matchpathcon", ["-f", RealPolicy, "-m", mode, .. paths]).Trim().Split('\n');
        Assert.Equal(paths.Length, lines.Length);
        Assert.Equal(lines.Select(l => l.Replace("\t<<none>>", "\t", StringComparison.Ordinal)), paths.Select(p => p + "\t" + contexts.Find(p, type)));
    }

    [Fact]
    public void WhatIsCreatedIsLabelled()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n").Add(Policy, Small.ReplaceLineEndings("\n")).Add("/etc/machine-id", "")
            .Add("/var/lib/systemd/random-seed", new byte[512]);
        ConversionContext context = guest.Apply(new IdentityStep(), new LinkStep(), new SeLinuxLabelsStep());
        Assert.Equal("system_u:object_r:systemd_unit_t:s0\0", Label(guest, "/usr/lib/systemd/system/one.service"));
        Assert.Equal("system_u:object_r:etc_t:s0\0", Label(guest, "/etc/two.link"));
        Assert.Null(Label(guest, "/tmp/three"));
        Assert.Null(Label(guest, "/etc/machine-id"));
        Assert.False(guest.Tree.Exists("/.autorelabel"));
        Assert.Empty(context.Warnings);
        Assert.Contains(context.Editor.Changes, c => c is { Step: "SELinuxLabels", Kind: GuestChangeKind.Metadata, Path: "/etc/two.link", After: "system_u:object_r:etc_t:s0" });
    }

    [Theory]
    [InlineData("SELINUX=enforcing\n", true)]
    [InlineData("SELINUX=permissive\nSELINUX=disabled\n", false)]
    [InlineData("#SELINUX=enforcing\n", false)]
    public void WithoutAPolicyTheGuestRelabelsItself(string config, bool relabels)
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/selinux/config", config);
        ConversionContext context = guest.Apply(new LinkStep(), new SeLinuxLabelsStep());
        Assert.Equal(relabels, guest.Tree.Exists("/.autorelabel"));
        Assert.Equal(relabels, context.Warnings.Any(w => w.Contains("relabels", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("/((((a{99}){99}){99}){99})*b	system_u:object_r:x_t:s0")]
    [InlineData("/(((a+)+)+)+b	system_u:object_r:x_t:s0")]
    [InlineData("/[	system_u:object_r:x_t:s0")]
    [InlineData("/\\	system_u:object_r:x_t:s0")]
    [InlineData("/(?<=a)b(?!c)\\1	system_u:object_r:x_t:s0")]
    public void HostileExpressionsMatchNothing(string line)
    {
        var root = new MemoryFileSystem().Add(Policy, Small.ReplaceLineEndings("\n") + "\n" + line + "\n");
        FileContexts contexts = FileContexts.Load(new GuestTree(new GuestMount("/", root)), Policy)!;
        Assert.Equal("system_u:object_r:default_t:s0", contexts.Find("/" + new string('a', 4000), GuestFileType.File));
    }

    private static string? Label(PhonyGuest guest, string path) =>
        guest.Tree.GetExtendedAttribute(path, "security.selinux", followLinks: false) is { } value ? Encoding.ASCII.GetString(value) : null;

    private static IEnumerable<string> Sample(string root, int count)
    {
        string[] all = [.. Directory.EnumerateFileSystemEntries(root, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 6 }).Take(count * 20).Where(p => !p.Contains(' ', StringComparison.Ordinal))];
        new Random(3).Shuffle(all);
        return all.Take(count).Order(StringComparer.Ordinal);
    }

    private sealed class LinkStep : ConversionStep
    {
        internal override string Name => "Test";

        internal override int Order => 1;

        internal override void Apply(ConversionContext context)
        {
            context.Editor.WriteText("/usr/lib/systemd/system/one.service", "x", "A unit.");
            context.Editor.Link("/etc/two.link", "/nowhere", "A link.");
            context.Editor.WriteText("/tmp/three", "x", "A file.");
        }
    }
}
