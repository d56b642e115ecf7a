using System.Globalization;
using System.Text;
using V2V.Testing;

namespace V2V.Core.Tests.GuestConversion.Windows.Drivers;

/// <summary>The corpus' INX templates, stamped as the drivers' build does it.</summary>
internal static class Inx
{
    /// <summary>The text of a template for an architecture.</summary>
    /// <param name="name">File name in the corpus.</param>
    /// <param name="architecture">As INF files name it: <c>amd64</c>.</param>
    /// <param name="version">DriverVer's version.</param>
    /// <param name="directory">Number of the directory that drivers are copied to: 12 or 13.</param>
    /// <param name="os">What follows NT and the architecture in decorations: <c>.10.0...16299</c>.</param>
    public static string Stamp(string name, string architecture, string version = "100.95.104.26200", int directory = 12, string os = "") =>
        Fill(File.ReadAllText(Corpus.Require("virtio-win/inf/" + name)), architecture, version, directory, os);

    /// <summary>Stamps the text of a template.</summary>
    public static string Fill(string template, string architecture, string version = "100.95.104.26200", int directory = 12, string os = "") => template
        .Replace("01/01/2008,0.0.0.1", "01/29/2025," + version, StringComparison.Ordinal)
        .Replace("$ARCH$", architecture + os, StringComparison.Ordinal)
        .Replace("$KMDFVERSION$", "1.15", StringComparison.Ordinal)
        .Replace("INX_PLATFORM_DRIVERS_DIR", directory.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("INX_BASE_ON_SYSTEM_ROOT_DRIVER_DIR", @"%%SystemRoot%%\System32\drivers", StringComparison.Ordinal)
        .Replace("_INX_SUBSYS_VENDOR_ID", "1AF4", StringComparison.Ordinal)
        .Replace("INX_PREFIX_VIRTIO", "Red Hat ", StringComparison.Ordinal)
        .Replace("INX_PREFIX_VENDOR", "Red Hat ", StringComparison.Ordinal)
        .Replace("INX_COMPANY", "Red Hat, Inc.", StringComparison.Ordinal);

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
