using System.Security.Cryptography;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>Opens BitLocker volumes with the keys that were given, or by themselves where protection is suspended; start here.</summary>
internal sealed class BitLockerAssembler(VolumeKeys keys)
{
    /// <summary>Takes a device if it is a BitLocker volume, and opens it if a key fits.</summary>
    /// <param name="name">Name of the device.</param>
    /// <param name="device">The device.</param>
    /// <param name="result">Takes the opened volume, or why it was not opened.</param>
    /// <param name="made">Takes the opened volume.</param>
    internal bool TryAdd(string name, BlockDevice device, AssembledVolumes result, List<AssembledVolume> made)
    {
        if (VolumeHeader.TryRead(device, name) is not { } header)
        {
            return false;
        }

        MetadataBlock metadata = MetadataBlock.Read(device, header, name);
        AssembledVolume? below = result.Volumes.FirstOrDefault(v => v.Name == name);
        string uuid = metadata.Id.ToString("D");
        if (result.Volumes.Any(v => v.Kind == VolumeKind.BitLocker && v.Uuid == uuid))
        {
            result.Notes.Add($"{name} is a second copy of the BitLocker volume {uuid}, which was opened already.");
            return true;
        }

        VolumeLayout layout = VolumeLayout.Build(device, header, metadata, name);
        List<KeyProtector> protectors = KeyProtector.ReadAll(metadata.Entries, name);
        BitLockerCipher? cipher = metadata.State == MetadataBlock.Decrypted ? null : Open(header, metadata, protectors, [name, .. below?.Aliases ?? [], .. protectors.Select(p => p.Id.ToString("D"))], name);
        var volume = new AssembledVolume
        {
            Name = "mapper/bitlk-" + uuid,
            Kind = VolumeKind.BitLocker,
            Uuid = uuid,
            Device = new BitLockerDevice(device, layout, metadata, header.SectorSize, cipher, name),
            Members = [name],
            ReadOnlyReason = below?.ReadOnlyReason ?? layout.ReadOnlyReason,
        };
        result.Found.Add(volume);
        made.Add(volume);
        if (cipher is not null && Warning(name, protectors) is { } warning)
        {
            result.Notes.Add(warning);
        }

        return true;
    }

    /// <summary>What happens at the first start elsewhere: a TPM gives its key to no other machine.</summary>
    private static string? Warning(string name, List<KeyProtector> protectors)
    {
        if (protectors.Exists(p => p.Kind == ProtectorKind.ClearKey) || protectors.Find(p => p.NeedsTpm) is not { } bound)
        {
            return null;
        }

        string recovery = string.Join(" or ", protectors.Where(p => p.Kind == ProtectorKind.RecoveryPassword).Select(p => p.Name).Take(4));
        return $"{name} is protected by BitLocker with {bound.Name} of the old machine. Windows will ask for {(recovery.Length > 0 ? recovery : "a recovery key")} at its first start on the new one: have it at hand, "
            + "then suspend and resume protection (manage-bde -protectors -disable C:, -enable C:) so that it trusts the new machine. Suspending it before the export spares the question.";
    }

    private BitLockerCipher Open(VolumeHeader header, MetadataBlock metadata, List<KeyProtector> protectors, string[] names, string target)
    {
        var unlocker = new BitLockerUnlocker(protectors);
        byte[]? master = unlocker.OpenClear();
        foreach (VolumeKey key in keys.For(names, metadata.Id.ToString("D")))
        {
            foreach (byte[] bytes in key.Read())
            {
                master ??= unlocker.Open(bytes);
                CryptographicOperations.ZeroMemory(bytes);
            }
        }

        if (master is null)
        {
            throw Refusal(metadata, protectors, unlocker, target);
        }

        try
        {
            if (!metadata.IsSealedBy(master))
            {
                throw BitLockerErrors.Damaged("it is not what Windows wrote: its seal does not fit", target);
            }

            PlainKey? volumeKey = metadata.Entries.Where(e => e is { Role: DatumRole.VolumeKey, Type: DatumType.EncryptedKey })
                .Select(e => KeyBox.Open(master, e.Data.Span)).FirstOrDefault(k => k is not null);
            if (volumeKey is not { } found)
            {
                throw BitLockerErrors.Damaged("the key of the data cannot be had with the master key", target);
            }

            try
            {
                return BitLockerCipher.Create(found, header.SectorSize, target);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(found.Bytes);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(master);
        }
    }

    private static V2VException Refusal(MetadataBlock metadata, List<KeyProtector> protectors, BitLockerUnlocker unlocker, string target)
    {
        string uuid = metadata.Id.ToString("D");
        string ways = protectors.Count == 0 ? "nothing" : string.Join(", ", protectors.Select(p => p.Name).Distinct().Take(8));
        if (unlocker.WrongGroup > 0)
        {
            return new V2VException(
                "BitLockerRecoveryPasswordInvalid", V2VErrorKind.InvalidArgument, FormattableString.Invariant($"Group {unlocker.WrongGroup} of the recovery password for the volume {target} is mistyped: it is no multiple of 11 in range."),
                target, "Compare it with the saved recovery password, eight groups of six digits.");
        }

        if (unlocker.Tried > 0)
        {
            return new V2VException(
                "BitLockerKeyWrong", V2VErrorKind.InvalidState, $"None of the keys for the volume {target} ({uuid}) opens it. It is protected by {ways}.", target,
                "Give the recovery password with the identity named (manage-bde -protectors -get C: shows both), the password or the .BEK file with -Key.");
        }

        return protectors.Exists(p => p.Kind is ProtectorKind.RecoveryPassword or ProtectorKind.Password or ProtectorKind.ExternalKey)
            ? new V2VException(
                "BitLockerKeyMissing", V2VErrorKind.InvalidState, $"The volume {target} is encrypted by BitLocker ({uuid}) and no key was given for it. It is protected by {ways}.", target,
                $"Give the recovery password, the password or the .BEK file: -Key @{{ '{uuid}' = $recoveryPassword }}, with 'all' for every volume; or suspend protection in the guest before it is exported (manage-bde -protectors -disable C:).")
            : new V2VException(
                "BitLockerTpmOnly", V2VErrorKind.InvalidState, $"The volume {target} is encrypted by BitLocker ({uuid}) and protected by {ways}, which V2V cannot ask.", target,
                "Suspend protection in the guest (manage-bde -protectors -disable C:) or add a recovery password (manage-bde -protectors -add C: -RecoveryPassword), shut it down and export it again.");
    }
}
