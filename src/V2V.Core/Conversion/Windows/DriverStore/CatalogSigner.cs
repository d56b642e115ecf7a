using V2V.Core.Conversion.Windows.Drivers.Choice;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>Who signed a package, as Windows notes it: the common name in the signer's certificate, and how far Windows trusts it.</summary>
/// <param name="Name">The name; empty for a package that is not signed.</param>
/// <param name="Score">SignerScore: what Windows compares first when it ranks drivers.</param>
internal sealed record CatalogSigner(string Name, uint Score)
{
    private const uint Inbox = 0x0D000003;
    private const uint HardwareProgram = 0x0D000005;
    private const uint Authenticode = 0x0F000000;
    private const uint UnsignedScore = 0x80000000;

    /// <summary>A package without a catalog.</summary>
    internal static CatalogSigner Unsigned { get; } = new("", UnsignedScore);

    /// <summary>Reads the signer of a catalog. What is no signed one, or does not hold the signer's certificate, counts as unsigned.</summary>
    internal static CatalogSigner Read(ReadOnlyMemory<byte> catalog) =>
        CatalogSignature.Read(catalog) is { Signer: { Length: > 0 } name } ? new CatalogSigner(name, ScoreOf(name)) : Unsigned;

    private static uint ScoreOf(string name) => name switch
    {
        "Microsoft Windows" => Inbox,
        _ when name.StartsWith("Microsoft Windows Hardware Compatibility", StringComparison.Ordinal) => HardwareProgram,
        _ => Authenticode,
    };
}
