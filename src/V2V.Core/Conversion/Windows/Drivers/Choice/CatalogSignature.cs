using System.Formats.Asn1;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>How the signature of a catalog was made: PKCS #7 signed data (RFC 2315), read as far as its digest algorithms.</summary>
internal static class CatalogSignature
{
    /// <summary>Largest catalog that is read, in bytes.</summary>
    internal const int MaxBytes = 16 << 20;

    private const string SignedData = "1.2.840.113549.1.7.2";
    private const string Sha1 = "1.3.14.3.2.26";
    private const string Md5 = "1.2.840.113549.2.5";

    private static readonly Asn1Tag s_content = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag s_revocations = new(TagClass.ContextSpecific, 1);

    /// <summary>True if a Windows that knows no SHA-2 can verify the catalog, false if not; null if it is no signed catalog.</summary>
    internal static bool? IsSha1(ReadOnlyMemory<byte> catalog)
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
            foreach (Asn1Tag tag in (Asn1Tag[])[s_content, s_revocations])
            {
                if (signed.HasData && signed.PeekTag().HasSameClassAndValue(tag))
                {
                    signed.ReadEncodedValue();
                }
            }

            AsnReader signers = signed.ReadSetOf(skipSortOrderValidation: true);
            bool? isSha1 = null;
            while (signers.HasData)
            {
                AsnReader signer = signers.ReadSequence();
                signer.ReadInteger();
                signer.ReadEncodedValue();
                isSha1 = isSha1 == true || signer.ReadSequence().ReadObjectIdentifier() is Sha1 or Md5;
            }

            return isSha1;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }
}
