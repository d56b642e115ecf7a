using System.Reflection;

namespace V2V.PowerShell.Tests;

/// <summary>Where the build put what the tests use.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Metadata("RepositoryRoot"));

    public static string Module => File("src", "V2V.PowerShell", "bin", Metadata("Configuration"), "net10.0", "module", "V2V", "V2V.psd1");

    public static string Shell => File("src", "V2V.Shell", "bin", Metadata("Configuration"), "net10.0", "v2v.dll");

    /// <summary>The guest that tests/fixtures/guests/make-phony-debian.sh made.</summary>
    public static string PhonyOva => File("tests", "fixtures", "guests", "phony-debian.ova");

    public static string File(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
