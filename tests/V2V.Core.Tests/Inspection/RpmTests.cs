using System.Buffers.Binary;
using System.Globalization;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Packages;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

/// <summary>rpm's three databases: real ones, judged by rpm itself where Debian's rpm reads them.</summary>
public class RpmTests
{
    private const string Fedora = "linux-inspection/phony-guests/libguestfs-fedora-db.sql.xz";
    private const string Berkeley = "linux-inspection/rpmdb/libuuid/Packages";
    private const string Ndb = "linux-inspection/rpmdb/sle15-bci/Packages.db";

    [Fact]
    public void SqliteDatabaseOfFedora()
    {
        using var directory = new TemporaryDirectory();
        string path = MakeFedora(directory);
        List<ApplicationInfo> packages = Read("/usr/lib/sysimage/rpm/rpmdb.sqlite", File.ReadAllBytes(path), out List<string> warnings);
        Assert.Empty(warnings);
        Assert.Equal(AskRpm(Path.GetDirectoryName(path)!, "sqlite"), Lines(packages));
        Assert.Contains(packages, p => p is { Name: "bash", Architecture: "x86_64" });
    }

    [Fact]
    public void BerkeleyDatabase()
    {
        Tool.Require("rpm");
        string path = Corpus.Require(Berkeley);
        List<ApplicationInfo> packages = Read("/var/lib/rpm/Packages", File.ReadAllBytes(path), out List<string> warnings);
        Assert.Empty(warnings);
        using var directory = new TemporaryDirectory();
        File.Copy(path, directory.File("Packages"));
        Assert.Equal(AskRpm(directory.Path, "bdb_ro"), Lines(packages));
    }

    [Theory]
    [InlineData("-T -t hash")]
    [InlineData("-T -t hash -c db_pagesize=512")]
    [InlineData("-T -t hash -c db_pagesize=65536 -c db_lorder=4321")]
    public void BerkeleyDatabaseOfManyPackages(string load)
    {
        Tool.Require("db5.3_load");
        using var directory = new TemporaryDirectory();
        string fedora = MakeFedora(directory);
        string path = directory.File("Packages"), text = directory.File("text");
        // db_load takes lines of key and value as hexadecimal text without -T.
        string rows = Tool.Run("sqlite3", fedora, "select printf(' %02x%02x%02x%02x', hnum & 255, hnum >> 8, 0, 0) || char(10) || ' ' || lower(hex(blob)) from Packages");
        string[] options = load.Split(' ');
        File.WriteAllText(text, "VERSION=3\nformat=bytevalue\ntype=hash\n" + string.Join("", options.Where(o => o.Contains('=', StringComparison.Ordinal)).Select(o => o + "\n")) + "HEADER=END\n" + rows.TrimEnd() + "\nDATA=END\n");
        Tool.Run("db5.3_load", "-f", text, path);
        List<ApplicationInfo> packages = Read("/var/lib/rpm/Packages", File.ReadAllBytes(path), out List<string> warnings);
        Assert.Empty(warnings);
        Assert.Equal(AskRpm(Path.GetDirectoryName(fedora)!, "sqlite"), Lines(packages));
    }

    [Fact]
    public void NdbDatabaseOfSuse()
    {
        byte[] database = File.ReadAllBytes(Corpus.Require(Ndb));
        List<ApplicationInfo> packages = Read("/var/lib/rpm/Packages.db", database, out List<string> warnings);
        Assert.Empty(warnings);
        int blobs = Enumerable.Range(0, database.Length / 16).Count(i => BinaryPrimitives.ReadUInt32BigEndian(database.AsSpan(i * 16)) == 0x426C6253);
        Assert.NotEqual(0, blobs);
        Assert.Equal(blobs, packages.Count + Count(database, "gpg-pubkey\0"u8));
        Assert.Contains(packages, p => p is { Name: "glibc", Architecture: "x86_64" });
    }

    [Fact]
    public void WriteAheadLogIsRead()
    {
        Tool.Require("sqlite3");
        using var directory = new TemporaryDirectory();
        string path = MakeFedora(directory), copy = directory.File("copy");
        // The copy is made while the database is open: the deletion and the new package are in the log only.
        Tool.Run(
            "sqlite3", path, "PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0", "delete from Packages where hnum between 3 and 6",
            "insert into Packages(hnum, blob) select 999, blob from Packages where hnum = 7", $".system cp '{path}' '{copy}'; cp '{path}-wal' '{copy}-wal'");
        var root = new MemoryFileSystem().Add("/var/lib/rpm/rpmdb.sqlite", File.ReadAllBytes(copy));
        int without = PackageDatabase.ReadPackages(Guests.Context(root), "rpm").Count;
        root.Add("/var/lib/rpm/rpmdb.sqlite-wal", File.ReadAllBytes(copy + "-wal"));
        InspectionContext context = Guests.Context(root, out List<string> warnings);
        List<ApplicationInfo> packages = PackageDatabase.ReadPackages(context, "rpm");
        Assert.Empty(warnings);
        int expected = int.Parse(Tool.Run("sqlite3", path, "select count(*) from Packages"), CultureInfo.InvariantCulture);
        Assert.Equal(expected, packages.Count + 1 /* gpg-pubkey */);
        Assert.Equal(without - 3, packages.Count);
    }

    [Fact]
    public void TreesOfSeveralLevelsAreWalkedInOrder()
    {
        using var directory = new TemporaryDirectory();
        string path = MakeFedora(directory);
        Tool.Run("sqlite3", path, "with recursive n(i) as (select 100 union all select i + 1 from n where i < 6000) insert into Packages(hnum, blob) select i, (select blob from Packages where hnum = 1 + i % 17) from n");
        string[] expected = Tool.Run("sqlite3", path, "select instr(blob, 'gpg-pubkey' || char(0)) from Packages order by hnum").Trim().Split('\n');
        List<ApplicationInfo> packages = Read("/var/lib/rpm/rpmdb.sqlite", File.ReadAllBytes(path), out List<string> warnings);
        Assert.Empty(warnings);
        Assert.Equal(expected.Count(e => e == "0"), packages.Count);
    }

    [Fact]
    public void OwnersAreFoundByTheListsOfFiles()
    {
        using var directory = new TemporaryDirectory();
        var root = new MemoryFileSystem().Add("/var/lib/rpm/rpmdb.sqlite", File.ReadAllBytes(MakeFedora(directory)));
        InspectionContext context = Guests.Context(root);
        List<ApplicationInfo> packages = PackageDatabase.ReadPackages(context, "rpm");
        Dictionary<string, string> owners = PackageDatabase.FindOwners(context, packages, ["/usr/bin/bash", "/etc/passwd", "/nowhere"]);
        Assert.Equal("bash", owners["/usr/bin/bash"]);
        Assert.Equal("setup", owners["/etc/passwd"]);
        Assert.Equal(2, owners.Count);
    }

    [Theory]
    [InlineData(Berkeley, "/var/lib/rpm/Packages", 300)]
    [InlineData(Ndb, "/var/lib/rpm/Packages.db", 100)]
    [InlineData(Fedora, "/var/lib/rpm/rpmdb.sqlite", 100)]
    public void DamageIsAWarning(string corpus, string path, int count)
    {
        using var directory = new TemporaryDirectory();
        byte[] seed = File.ReadAllBytes(corpus == Fedora ? MakeFedora(directory) : Corpus.Require(corpus));
        foreach (byte[] damaged in Guests.Damage(seed, count).Concat(DamageHead(seed, count)))
        {
            Read(path, damaged, out _);
        }
    }

    /// <summary>Damage among the structures at the file's front, which a flip anywhere seldom meets.</summary>
    private static IEnumerable<byte[]> DamageHead(byte[] seed, int count)
    {
        foreach (byte[] head in Guests.Damage(seed[..Math.Min(seed.Length, 8192)], count, randomSeed: 2))
        {
            yield return [.. head, .. seed[head.Length..]];
        }
    }

    private static List<ApplicationInfo> Read(string path, byte[] database, out List<string> warnings) =>
        PackageDatabase.ReadPackages(Guests.Context(new MemoryFileSystem().Add(path, database), out warnings), "rpm");

    private static string MakeFedora(TemporaryDirectory directory)
    {
        Tool.Require("sqlite3", "xz", "rpm");
        string folder = directory.File("fedora"), script = directory.File("sql.xz");
        Directory.CreateDirectory(folder);
        File.Copy(Corpus.Require(Fedora), script);
        Tool.Run("xz", "-d", script);
        string path = Path.Combine(folder, "rpmdb.sqlite");
        Tool.Run("sqlite3", path, ".read " + directory.File("sql"));
        return path;
    }

    private static List<string> AskRpm(string folder, string backend)
    {
        Tool.Require("rpm");
        const string Format = "@%{NAME}|%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}|%{ARCH}|%{SUMMARY}\\n";
        string output = Tool.Run("rpm", "--dbpath", folder, "--define", "_db_backend " + backend, "-qa", "--qf", Format);
        List<string> lines = [.. output.Split('\n').Where(l => l.StartsWith('@') && !l.StartsWith("@gpg-pubkey|", StringComparison.Ordinal)).Select(l => l[1..])];
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static List<string> Lines(List<ApplicationInfo> packages)
    {
        Assert.NotEmpty(packages);
        List<string> lines = [.. packages.Select(p => $"{p.Name}|{p.Version}|{p.Architecture}|{p.Description}")];
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static int Count(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> what)
    {
        int count = 0;
        for (int at = bytes.IndexOf(what); at >= 0; at = bytes.IndexOf(what))
        {
            count++;
            bytes = bytes[(at + what.Length)..];
        }

        return count;
    }
}
