using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>How the signature of a catalog was made, and by whom: PKCS #7 signed data (RFC 2315). Nothing is verified.</summary>
/// <param name="IsSha1">True if a Windows that knows no SHA-2 can verify it.</param>
/// <param name="Signer">Common name in the signer's certificate; empty if the certificate is not in the catalog.</param>
internal sealed record CatalogSignature(bool IsSha1, string Signer)
{
    /// <summary>Largest catalog that is read, in bytes.</summary>
    internal const int MaxBytes = 16 << 20;

    private const string SignedData = "1.2.840.113549.1.7.2";
    private const string Sha1 = "1.3.14.3.2.26";
    private const string Md5 = "1.2.840.113549.2.5";

    private static readonly Asn1Tag s_content = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag s_revocations = new(TagClass.ContextSpecific, 1);

    /// <summary>True if Microsoft signed it, after its own tests or on a partner's word.</summary>
    internal bool IsMicrosoft => Signer.StartsWith("Microsoft Windows", StringComparison.Ordinal);

    /// <summary>Reads a catalog; null if it is not a signed one. Of several signers one with SHA-1 counts.</summary>
    internal static CatalogSignature? Read(ReadOnlyMemory<byte> catalog)
    {
        try
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
            List<ReadOnlyMemory<byte>> certificates = ReadCertificates(signed);
            AsnReader signers = signed.ReadSetOf(skipSortOrderValidation: true);
            CatalogSignature? found = null;
            while (signers.HasData && found is not { IsSha1: true })
            {
                AsnReader signer = signers.ReadSequence();
                signer.ReadInteger();
                AsnReader identity = signer.ReadSequence();
                string name = FindName(certificates, identity.ReadEncodedValue(), identity.ReadIntegerBytes());
                found = new CatalogSignature(signer.ReadSequence().ReadObjectIdentifier() is Sha1 or Md5, name);
            }

            return found;
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return null;
        }
    }

    private static List<ReadOnlyMemory<byte>> ReadCertificates(AsnReader signed)
    {
        var certificates = new List<ReadOnlyMemory<byte>>();
        if (signed.HasData && signed.PeekTag().HasSameClassAndValue(s_content))
        {
            AsnReader set = signed.ReadSetOf(skipSortOrderValidation: true, s_content);
            while (set.HasData)
            {
                certificates.Add(set.ReadEncodedValue());
            }
        }

        if (signed.HasData && signed.PeekTag().HasSameClassAndValue(s_revocations))
        {
            signed.ReadEncodedValue();
        }

        return certificates;
    }

    private static string FindName(List<ReadOnlyMemory<byte>> certificates, ReadOnlyMemory<byte> issuer, ReadOnlyMemory<byte> serial)
    {
        foreach (ReadOnlyMemory<byte> bytes in certificates)
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(bytes.Span);
            if (certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.Span) && certificate.SerialNumberBytes.Span.SequenceEqual(serial.Span))
            {
                return certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            }
        }

        return "";
    }
}
