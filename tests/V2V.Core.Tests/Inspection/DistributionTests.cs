using System.Text.Json;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Distributions;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class DistributionTests
{
    [Theory]
    [InlineData("/etc/openmandriva-release", "OpenMandriva Lx release 4.3 (Dysprosium) for x86_64", "openmandriva", "4.3")]
    [InlineData("/etc/opencloudos-release", "OpenCloudOS release 8.8", "opencloudos", "8.8")]
    [InlineData("/etc/tencentos-release", "TencentOS Server release 3.1 (Final)", "tencentos", "3.1")]
    [InlineData("/etc/oracle-release", "Oracle Linux Server release 7.5", "oraclelinux", "7.5")]
    [InlineData("/etc/oracle-release", "Oracle Linux release 5 Update 11", "oraclelinux", "5.11")]
    [InlineData("/etc/oracle-release", "Oracle Linux Server release 9", "oraclelinux", "9.0")]
    [InlineData("/etc/centos-release", "CentOS Linux release 7.1.1503 (Core)", "centos", "7.1")]
    [InlineData("/etc/centos-release", "CentOS Stream release 9", "centos", "9.0")]
    [InlineData("/etc/circle-release", "Circle Linux release 8.4 (Yunnan)", "circle", "8.4")]
    [InlineData("/etc/rocky-release", "Rocky Linux release 8.4 (Green Obsidian)", "rocky", "8.4")]
    [InlineData("/etc/altlinux-release", "ALT Workstation 10.1 (Autolycus)", "altlinux", "10.1")]
    [InlineData("/etc/redhat-release", "Fedora release 23 (Twenty Three)", "fedora", "23.0")]
    [InlineData("/etc/redhat-release", "Red Hat Enterprise Linux Server release 6.5 (Santiago)", "rhel", "6.5")]
    [InlineData("/etc/redhat-release", "Red Hat Enterprise Linux AS release 4 (Nahant Update 8)", "rhel", "4.8")]
    [InlineData("/etc/redhat-release", "Red Hat Linux release 9 (Shrike)", "rhel", "9.0")]
    [InlineData("/etc/redhat-release", "CentOS release 5.11 (Final)", "centos", "5.11")]
    [InlineData("/etc/redhat-release", "Scientific Linux release 6.4 (Carbon)", "scientificlinux", "6.4")]
    [InlineData("/etc/redhat-release", "AlmaLinux release 9.3 (Shamrock Pampas Cat)", "redhat-based", "9.3")]
    [InlineData("/etc/redhat-release", "Derived Linux", "redhat-based", "0.0")]
    [InlineData("/etc/debian_version", "12.5", "debian", "12.5")]
    [InlineData("/etc/debian_version", "trixie/sid", "debian", "0.0")]
    [InlineData("/etc/pardus-release", "Pardus 2011.2", "pardus", "2011.2")]
    [InlineData("/etc/arch-release", "", "archlinux", "0.0")]
    [InlineData("/etc/gentoo-release", "Gentoo Base System release 2.14", "gentoo", "2.14")]
    [InlineData("/etc/meego-release", "MeeGo release 1.2 (MeeGo)", "meego", "1.2")]
    [InlineData("/etc/slackware-version", "Slackware 14.2", "slackware", "14.2")]
    [InlineData("/etc/ttylinux-target", "ttylinux-pc_x86_64-2015.07", "ttylinux", "2015.7")]
    [InlineData("/etc/SuSE-release", "SUSE Linux Enterprise Server 12 (s390x)\nVERSION = 12\nPATCHLEVEL = 5\n", "sles", "12.5")]
    [InlineData("/etc/SuSE-release", "openSUSE 42.1 (x86_64)\nVERSION = 42.1\n", "opensuse", "42.1")]
    [InlineData("/etc/SuSE-release", "Other SUSE thing\nVERSION = 3\n", "suse-based", "3.0")]
    [InlineData("/etc/cirros/version", "0.6.2", "cirros", "0.6")]
    [InlineData("/etc/br-version", "2022.02", "buildroot", "2022.2")]
    [InlineData("/etc/alpine-release", "3.19.1", "alpine", "3.19")]
    [InlineData("/etc/frugalware-release", "Frugalware 1.9 (Arcturus)", "frugalware", "1.9")]
    [InlineData("/etc/pld-release", "3.0 PLD Linux (Th)", "pld", "3.0")]
    [InlineData("/etc/oracle-release", "Something else release 3", null, null)]
    [InlineData("/etc/centos-release", "CentOS", null, null)]
    [InlineData("/etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=12.04\nDISTRIB_DESCRIPTION=\"Ubuntu 12.04.5 LTS\"\n", "ubuntu", "12.4")]
    [InlineData("/etc/lsb-release", "DISTRIB_ID=LinuxMint\nDISTRIB_RELEASE=17.3\n", "linuxmint", "17.3")]
    [InlineData("/etc/lsb-release", "DISTRIB_ID=\"CoreOS\"\nDISTRIB_RELEASE=899.15.0\n", "coreos", "899.15")]
    [InlineData("/etc/lsb-release", "DISTRIB_ID=Mageia\nDISTRIB_RELEASE=5\n", "mageia", "5.0")]
    [InlineData("/etc/os-release", "ID=rhel\nPRETTY_NAME=\"RHEL 9.4\"\nVERSION_ID=\"9.4\"\n", "rhel", "9.4")]
    [InlineData("/etc/os-release", "ID='openEuler'\nPRETTY_NAME='openEuler 22.03'\nVERSION_ID='22.03'\n", "openeuler", "22.3")]
    [InlineData("/etc/os-release", "ID=opensuse-leap\nPRETTY_NAME=\"openSUSE Leap 15.5\"\nVERSION_ID=15.5", "opensuse", "15.5")]
    [InlineData("/etc/os-release", "ID=sled\nPRETTY_NAME=x\nVERSION_ID=15.4", "sles", "15.4")]
    [InlineData("/etc/os-release", "ID=arch\nPRETTY_NAME=\"Arch Linux\"", "archlinux", "0.0")]
    [InlineData("/etc/os-release", "ID=void\nPRETTY_NAME=Void", "voidlinux", "0.0")]
    [InlineData("/etc/os-release", "ID=neokylin\nPRETTY_NAME=NeoKylin\nVERSION_ID=V7Update6", "neokylin", "7.6")]
    [InlineData("/etc/os-release", "ID=kali\nPRETTY_NAME=Kali\nVERSION_ID=\"2024.1\"", "kalilinux", "2024.1")]
    [InlineData("/etc/os-release", "ID=ol\nPRETTY_NAME=\"Oracle Linux Server 8.9\"\nVERSION_ID=8.9", "oraclelinux", "8.9")]
    [InlineData("/etc/os-release", "ID=pop\nID_LIKE=\"ubuntu debian\"\nPRETTY_NAME=Pop\nVERSION_ID=22.04", "debian-based", "22.4")]
    [InlineData("/etc/os-release", "ID=almalinux\nID_LIKE=\"rhel centos fedora\"\nPRETTY_NAME=A\nVERSION_ID=9.3", "redhat-based", "9.3")]
    [InlineData("/etc/os-release", "ID=martian\nPRETTY_NAME=M\nVERSION_ID=1", null, "1.0")]
    [InlineData("/etc/other", "x", null, null)]
    public void EachReleaseFileHasItsRule(string path, string text, string? distro, string? version)
    {
        Distribution found = DistributionReader.Read(Guests.Context((path, text)));
        Assert.Equal(distro, found.Id);
        Assert.Equal(version ?? "", found.Version?.ToString() ?? (distro is null ? "" : "0.0"));
    }

    [Fact]
    public void DebianAndCentosTakeTheMinorFromTheirOwnFile()
    {
        string debian = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\n";
        Distribution found = DistributionReader.Read(Guests.Context(("/etc/os-release", debian), ("/etc/debian_version", "12.5\n")));
        Assert.Equal(("debian", "12.5", "Debian GNU/Linux 12 (bookworm)"), (found.Id, found.Version!.ToString(), found.Product));

        found = DistributionReader.Read(Guests.Context(("/etc/os-release", debian)));
        Assert.Equal(("debian", "12.0"), (found.Id, found.Version!.ToString()));

        found = DistributionReader.Read(Guests.Context(
            ("/etc/os-release", "ID=centos\nPRETTY_NAME=\"CentOS Linux 7\"\nVERSION_ID=7\n"), ("/etc/centos-release", "CentOS Linux release 7.9.2009 (Core)")));
        Assert.Equal(("centos", "7.9"), (found.Id, found.Version!.ToString()));
    }

    [Fact]
    public void DerivativesOfDebianAreNotTakenForDebianTesting()
    {
        string osRelease = "ID=raspbian\nID_LIKE=debian\nPRETTY_NAME=R\nVERSION_ID=8\n";
        Assert.Equal("debian", DistributionReader.Read(Guests.Context(("/etc/os-release", osRelease), ("/etc/debian_version", "8.0"))).Id);
        Assert.Equal("debian-based", DistributionReader.Read(Guests.Context(("/etc/os-release", osRelease), ("/etc/debian_version", "bookworm/sid"))).Id);
    }

    [Fact]
    public void OsReleaseIsFoundInUsrLibToo() =>
        Assert.Equal("fedora", DistributionReader.Read(Guests.Context(("/usr/lib/os-release", "ID=fedora\nPRETTY_NAME=F\nVERSION_ID=42"))).Id);

    [Theory]
    [InlineData("/etc/hostname", "# name\n\nweb1\n", "web1")]
    [InlineData("/etc/HOSTNAME", "suse.example.com", "suse.example.com")]
    [InlineData("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=\"old.example.com\"\n", "old.example.com")]
    [InlineData("/etc/nothing", "", "")]
    public void HostNameIsRead(string path, string text, string expected) =>
        Assert.Equal(expected, DistributionReader.ReadHostName(Guests.Context((path, text))));

    [Theory]
    [InlineData("debian", "12.5", "debian12")]
    [InlineData("ubuntu", "22.4", "ubuntu22.04")]
    [InlineData("ubuntu", "22.10", "ubuntu22.10")]
    [InlineData("rhel", "9.4", "rhel9.4")]
    [InlineData("oraclelinux", "8.9", "oraclelinux8.9")]
    [InlineData("centos", "9.0", "centos9")]
    [InlineData("centos", "7.9", "centos7.0")]
    [InlineData("centos", "6.10", "centos6.10")]
    [InlineData("rocky", "9.3", "rocky9")]
    [InlineData("sles", "15.4", "sle15sp4")]
    [InlineData("sles", "15.0", "sle15")]
    [InlineData("sles", "12.5", "sles12sp5")]
    [InlineData("opensuse", "15.5", "opensuse15.5")]
    [InlineData("altlinux", "10.1", "alt10.1")]
    [InlineData("altlinux", "7.0", "altlinux7.0")]
    [InlineData("kalilinux", "2024.1", "kalilinux2024.1")]
    [InlineData("fedora", "37.0", "fedora37")]
    [InlineData("archlinux", "0.0", "archlinux")]
    [InlineData("debian-based", "22.4", null)]
    [InlineData("unknown", "0.0", null)]
    public void OsInfoIdsFollowTheTable(string distro, string version, string? expected) => Assert.Equal(expected, OsInfoId.Of(distro, Version.Parse(version)));

    [Theory]
    [InlineData("debian", 12, "deb", "apt")]
    [InlineData("rhel", 9, "rpm", "dnf")]
    [InlineData("rhel", 7, "rpm", "yum")]
    [InlineData("centos", 4, "rpm", "up2date")]
    [InlineData("opensuse", 15, "rpm", "zypper")]
    [InlineData("altlinux", 10, "rpm", "apt")]
    [InlineData("archlinux", 0, "pacman", "pacman")]
    [InlineData("fedora", 40, "rpm", "yum")]
    [InlineData(null, 1, "", "")]
    public void PackageSystemFollowsTheTable(string? distro, int major, string format, string manager) =>
        Assert.Equal((format, manager), PackageSystem.Of(new Distribution { Id = distro, Version = new Version(major, 0) }, Guests.Context().Tree));

    [Fact]
    public void RealOsReleaseFilesAreKnownOrOfAKnownFamily()
    {
        string folder = Corpus.Require("linux-inspection/os-release");
        int known = 0;
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var root = new MemoryFileSystem().Add("/etc/os-release", File.ReadAllBytes(file));
            Dictionary<string, string> values = ShellText.ParseAssignments(GuestText.SplitLines(File.ReadAllText(file)));
            Distribution found = DistributionReader.Read(Guests.Context(root));
            Assert.Equal(values.GetValueOrDefault("PRETTY_NAME", ""), found.Product);
            string id = values.GetValueOrDefault("ID", "");
            string? expected = id switch
            {
                "debian" or "ubuntu" or "fedora" or "rhel" or "centos" or "rocky" or "alpine" or "gentoo" or "linuxmint" or "mageia" or "openmandriva" => id,
                "kali" => "kalilinux",
                "ol" => "oraclelinux",
                "arch" => "archlinux",
                "almalinux" or "eurolinux" => "redhat-based",
                _ => found.Id,
            };
            Assert.True(expected == found.Id, $"{file}: {found.Id}");
            known += found.Id is null ? 0 : 1;
        }

        Assert.True(known > 100, $"only {known} known");
    }

    [Theory]
    [InlineData("centos5", "centos", "5.11")]
    [InlineData("centos7", "centos", "7.1")]
    [InlineData("cloudlinux6", "redhat-based", "6.8")]
    [InlineData("cloudlinux7", "redhat-based", "7.3")]
    [InlineData("fedora23", "fedora", "23.0")]
    [InlineData("fedora42", "fedora", "42.0")]
    [InlineData("mageia5", "mageia", "5.0")]
    [InlineData("opensuse42", "opensuse", "42.1")]
    [InlineData("oracle7", "oraclelinux", "7.5")]
    [InlineData("rhel6", "rhel", "6.5")]
    [InlineData("rhel9", "rhel", null)]
    [InlineData("rhel10", "rhel", null)]
    [InlineData("scientific6", "scientificlinux", "6.4")]
    [InlineData("scientific7", "rhel", "7.2")]
    [InlineData("sles12", "sles", "12.1")]
    [InlineData("ubuntu16", "ubuntu", "16.4")]
    [InlineData("ubuntu2510", "ubuntu", "25.10")]
    [InlineData("debian13", "debian", "13.1")]
    [InlineData("debiantesting", "debian", null)]
    [InlineData("raspbian8", "debian", "8.0")]
    [InlineData("kali", "kalilinux", null)]
    [InlineData("rocky", "rocky", null)]
    [InlineData("rocky10", "rocky", null)]
    [InlineData("alpine", "alpine", "3.23")]
    [InlineData("amazon2023", "redhat-based", "2023.0")]
    [InlineData("coreos", "coreos", "899.15")]
    [InlineData("buildroot", "buildroot", "2022.2")]
    public void RealReleaseFilesAreTold(string tree, string distro, string? version)
    {
        Distribution found = DistributionReader.Read(Guests.Context(Guests.FromFolder(Corpus.Require($"linux-inspection/distro-trees/{tree}"))));
        Assert.Equal(distro, found.Id);
        if (version is not null)
        {
            Assert.Equal(version, found.Version?.ToString());
        }

        Assert.NotEqual("", found.Product);
    }

    [Fact]
    public void VersionsAgreeWithPythonDistro()
    {
        string folder = Corpus.Require("linux-inspection/distro-trees");
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")));
        int compared = 0;
        foreach (JsonProperty test in expected.RootElement.GetProperty("TestOSRelease").EnumerateObject())
        {
            string tree = test.Name["test_".Length..].Split("_os_release")[0];
            if (Directory.Exists(Path.Combine(folder, tree)) && test.Value.TryGetProperty("version", out JsonElement version) && VersionText.Find(version.GetString()) is { } wanted)
            {
                Distribution found = DistributionReader.Read(Guests.Context(Guests.FromFolder(Path.Combine(folder, tree))));
                Assert.Equal(wanted.Major, found.Version?.Major);
                Assert.Equal(test.Value.GetProperty("pretty_name").GetString(), found.Id is "centos" or "rocky" ? test.Value.GetProperty("pretty_name").GetString() : found.Product);
                compared++;
            }
        }

        Assert.True(compared > 10, $"only {compared} compared");
    }
}
