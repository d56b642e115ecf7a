using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace V2V.Storage.Volumes.Luks;

/// <summary>
/// The header of LUKS2: a binary header and a JSON area, in two copies with checksums, of which the newer sound one counts
/// ("LUKS2 On-Disk Format Specification", chapters 2 and 3).
/// </summary>
internal static class Luks2Header
{
    private const int BinarySize = 4096;
    private const int ChecksumOffset = 448;
    private const int MaxHeader = 4 << 20;

    private static readonly byte[] s_primary = [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE];
    private static readonly byte[] s_secondary = [(byte)'S', (byte)'K', (byte)'U', (byte)'L', 0xBA, 0xBE];

    /// <summary>Reads the header; null if the device holds none of this version.</summary>
    internal static LuksHeader? TryRead(BlockDevice device, string target)
    {
        Copy? newest = null;
        bool isPresent = false;
        foreach (long offset in (long[])[0, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000])
        {
            Copy? copy = ReadCopy(device, offset, ref isPresent);
            newest = copy is not null && (newest is null || copy.Sequence > newest.Sequence) ? copy : newest;
        }

        if (newest is null)
        {
            return isPresent ? throw LuksErrors.Damaged("neither copy has the right checksum", target) : null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(newest.Json);
            return Parse(document.RootElement, newest.Uuid, device, target);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or OverflowException)
        {
            throw new V2VException("LuksHeaderDamaged", V2VErrorKind.Corrupt, $"The LUKS header of {target} is damaged: its JSON area does not follow the format.", target, "Restore the header in the guest from a backup (cryptsetup luksHeaderRestore).", e);
        }
    }

    private static Copy? ReadCopy(BlockDevice device, long offset, ref bool isPresent)
    {
        if (offset > device.Length - BinarySize)
        {
            return null;
        }

        var binary = new byte[BinarySize];
        device.Read(offset, binary);
        ulong size = BinaryPrimitives.ReadUInt64BigEndian(binary.AsSpan(8));
        if (!binary.AsSpan().StartsWith(offset == 0 ? s_primary : s_secondary) || BinaryPrimitives.ReadUInt16BigEndian(binary.AsSpan(6)) != 2)
        {
            return null;
        }

        isPresent = true;
        if (size is < BinarySize + 512 or > MaxHeader || (long)size > device.Length - offset || BinaryPrimitives.ReadUInt64BigEndian(binary.AsSpan(256)) != (ulong)offset)
        {
            return null;
        }

        var whole = new byte[size];
        device.Read(offset, whole);
        byte[] stored = whole[ChecksumOffset..(ChecksumOffset + 64)];
        whole.AsSpan(ChecksumOffset, 64).Clear();
        string algorithm = Encoding.ASCII.GetString(whole, 72, 32).Split('\0')[0];
        byte[]? computed = algorithm switch
        {
            "sha256" => SHA256.HashData(whole),
            "sha512" => SHA512.HashData(whole),
            "sha1" => SHA1.HashData(whole),
            _ => null,
        };
        if (computed is null || !stored.AsSpan().StartsWith(computed))
        {
            return null;
        }

        ReadOnlyMemory<byte> json = whole.AsMemory(BinarySize);
        int end = json.Span.IndexOf((byte)0);
        return new Copy(BinaryPrimitives.ReadUInt64BigEndian(whole.AsSpan(16)), Encoding.ASCII.GetString(whole, 168, 40).Split('\0')[0], end < 0 ? json : json[..end]);
    }

    private static LuksHeader Parse(JsonElement root, string uuid, BlockDevice device, string target)
    {
        CheckRequirements(root, target);
        JsonProperty[] segments = [.. root.GetProperty("segments").EnumerateObject().Where(s => !HasFlags(s.Value))];
        if (segments.Length != 1 || segments[0].Value.GetProperty("type").GetString() != "crypt")
        {
            throw LuksErrors.Unsupported("LuksFeatureUnsupported", $"The volume {target} has several segments, or one that is not encrypted.", target);
        }

        JsonElement segment = segments[0].Value;
        if (segment.TryGetProperty("integrity", out _))
        {
            throw LuksErrors.Unsupported("LuksFeatureUnsupported", $"The volume {target} has authenticated encryption (dm-integrity).", target);
        }

        string size = segment.GetProperty("size").GetString() ?? "";
        long offset = Number(segment, "offset"), sectorSize = segment.GetProperty("sector_size").GetInt64();
        long? length = size == "dynamic" ? null : long.Parse(size, NumberStyles.None, CultureInfo.InvariantCulture);
        if (sectorSize is not (512 or 1024 or 2048 or 4096) || offset > device.Length || length > device.Length - offset)
        {
            throw LuksErrors.Damaged("its segment lies outside the device", target);
        }

        LuksDigest digest = FindDigest(root, segments[0].Name, target);
        return new LuksHeader
        {
            Version = 2,
            Uuid = uuid,
            Slots = [.. root.GetProperty("keyslots").EnumerateObject().Where(s => s.Value.GetProperty("type").GetString() == "luks2")
                .OrderBy(s => s.Value.TryGetProperty("priority", out JsonElement p) ? -p.GetInt32() : -1).Select(s => Slot(s, target))],
            Digest = digest,
            Cipher = segment.GetProperty("encryption").GetString() ?? "",
            DataOffset = offset,
            DataLength = length,
            SectorSize = (int)sectorSize,
            FirstVector = ulong.Parse(segment.GetProperty("iv_tweak").GetString() ?? "", NumberStyles.None, CultureInfo.InvariantCulture),
            Tokens = root.TryGetProperty("tokens", out JsonElement tokens) ? [.. tokens.EnumerateObject().Select(t => t.Value.GetProperty("type").GetString() ?? "")] : [],
        };
    }

    private static void CheckRequirements(JsonElement root, string target)
    {
        if (!root.GetProperty("config").TryGetProperty("requirements", out JsonElement requirements) || !requirements.TryGetProperty("mandatory", out JsonElement mandatory))
        {
            return;
        }

        foreach (string name in mandatory.EnumerateArray().Select(r => r.GetString() ?? ""))
        {
            throw name.Contains("reencrypt", StringComparison.Ordinal)
                ? new V2VException("LuksReencryptionUnfinished", V2VErrorKind.InvalidState, $"The volume {target} is being encrypted anew.", target, "Let the reencryption end in the guest (cryptsetup reencrypt --resume-only) and export it again.")
                : LuksErrors.Unsupported("LuksFeatureUnsupported", $"The volume {target} requires the feature {name}, which V2V does not know.", target);
        }
    }

    private static LuksSlot Slot(JsonProperty slot, string target)
    {
        JsonElement value = slot.Value, area = value.GetProperty("area"), af = value.GetProperty("af");
        int keySize = value.GetProperty("key_size").GetInt32(), areaKeySize = area.GetProperty("key_size").GetInt32(), stripes = af.GetProperty("stripes").GetInt32();
        if (keySize is < 16 or > 128 || areaKeySize is < 16 or > 64 || stripes is < 1 or > 65536 || af.GetProperty("type").GetString() != "luks1" || area.GetProperty("type").GetString() != "raw")
        {
            throw LuksErrors.Damaged("a keyslot is described wrongly", target);
        }

        return new LuksSlot(
            int.Parse(slot.Name, NumberStyles.None, CultureInfo.InvariantCulture), keySize, Derivation(value.GetProperty("kdf")), Number(area, "offset"),
            area.GetProperty("encryption").GetString() ?? "", areaKeySize, stripes, af.GetProperty("hash").GetString() ?? "");
    }

    private static KeyDerivation Derivation(JsonElement kdf)
    {
        string type = kdf.GetProperty("type").GetString() ?? "";
        byte[] salt = kdf.GetProperty("salt").GetBytesFromBase64();
        return type == "pbkdf2"
            ? new KeyDerivation(type, salt, kdf.GetProperty("iterations").GetInt64(), kdf.GetProperty("hash").GetString() ?? "")
            : new KeyDerivation(type, salt, kdf.GetProperty("time").GetInt64(), "", kdf.GetProperty("memory").GetInt64(), kdf.GetProperty("cpus").GetInt64());
    }

    private static LuksDigest FindDigest(JsonElement root, string segment, string target)
    {
        foreach (JsonElement digest in root.GetProperty("digests").EnumerateObject().Select(d => d.Value))
        {
            if (digest.GetProperty("segments").EnumerateArray().Any(s => s.GetString() == segment))
            {
                byte[] expected = digest.GetProperty("digest").GetBytesFromBase64();
                return expected.Length is < 16 or > 64
                    ? throw LuksErrors.Damaged("a digest is too short", target)
                    : new LuksDigest(Derivation(digest), expected, [.. digest.GetProperty("keyslots").EnumerateArray().Select(k => int.Parse(k.GetString() ?? "", NumberStyles.None, CultureInfo.InvariantCulture))]);
            }
        }

        throw LuksErrors.Damaged("no digest belongs to its segment", target);
    }

    /// <summary>Segments with flags are kept for a reencryption and hold no data.</summary>
    private static bool HasFlags(JsonElement segment) => segment.TryGetProperty("flags", out JsonElement flags) && flags.GetArrayLength() > 0;

    /// <summary>LUKS2 writes 64-bit numbers as texts.</summary>
    private static long Number(JsonElement element, string name) => long.Parse(element.GetProperty(name).GetString() ?? "", NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>A sound copy of the header.</summary>
    private sealed record Copy(ulong Sequence, string Uuid, ReadOnlyMemory<byte> Json);
}
