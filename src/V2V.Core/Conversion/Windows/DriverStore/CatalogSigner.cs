using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

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
    private const string SignedData = "1.2.840.113549.1.7.2";

    private static readonly Asn1Tag s_content = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag s_revocations = new(TagClass.ContextSpecific, 1);

    /// <summary>A package without a catalog.</summary>
    internal static CatalogSigner Unsigned { get; } = new("", UnsignedScore);

    /// <summary>Reads the signer of a catalog: PKCS #7 signed data (RFC 2315). What is none counts as unsigned.</summary>
    internal static CatalogSigner Read(ReadOnlyMemory<byte> catalog)
    {
        try
        {
            return FindName(catalog) is { Length: > 0 } name ? new CatalogSigner(name, ScoreOf(name)) : Unsigned;
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return Unsigned;
        }
    }

    private static uint ScoreOf(string name) => name switch
    {
        "Microsoft Windows" => Inbox,
        _ when name.StartsWith("Microsoft Windows Hardware Compatibility", StringComparison.Ordinal) => HardwareProgram,
        _ => Authenticode,
    };

    private static string? FindName(ReadOnlyMemory<byte> catalog)
    {
        AsnReader info = new AsnReader(catalog, AsnEncodingRules.BER).ReadSequence();
        if (info.ReadObjectIdentifier() != SignedData)
        {
            return null;
        }

        AsnReader signed = info.ReadSequence(s_content).ReadSequence();
        signed.ReadInteger();
        signed.ReadSetOf();
        signed.ReadSequence();
        var certificates = new List<byte[]>();
        if (signed.HasData && signed.PeekTag().HasSameClassAndValue(s_content))
        {
            AsnReader set = signed.ReadSetOf(skipSortOrderValidation: true, s_content);
            while (set.HasData)
            {
                certificates.Add(set.ReadEncodedValue().ToArray());
            }
        }

        if (signed.HasData && signed.PeekTag().HasSameClassAndValue(s_revocations))
        {
            signed.ReadEncodedValue();
        }

        AsnReader signer = signed.ReadSetOf(skipSortOrderValidation: true).ReadSequence();
        signer.ReadInteger();
        AsnReader identity = signer.ReadSequence();
        byte[] issuer = identity.ReadEncodedValue().ToArray(), serial = identity.ReadIntegerBytes().ToArray();
        foreach (byte[] bytes in certificates)
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(bytes);
            if (certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer) && certificate.SerialNumberBytes.Span.SequenceEqual(serial))
            {
                return certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            }
        }

        return null;
    }
}
