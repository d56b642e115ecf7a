using System.Security.Cryptography;

namespace V2V.Storage.Volumes.Luks;

/// <summary>Opens LUKS volumes with the keys that were given.</summary>
internal sealed class LuksAssembler(VolumeKeys keys)
{
    /// <summary>Takes a device if it is a LUKS volume, and opens it if a key fits.</summary>
    /// <param name="name">Name of the device.</param>
    /// <param name="device">The device.</param>
    /// <param name="result">Takes the opened volume, or why it was not opened.</param>
    /// <param name="made">Takes the opened volume.</param>
    internal bool TryAdd(string name, BlockDevice device, AssembledVolumes result, List<AssembledVolume> made)
    {
        if ((Luks1Header.TryRead(device, name) ?? Luks2Header.TryRead(device, name)) is not { } header)
        {
            return false;
        }

        string[] names = [name, .. result.Volumes.FirstOrDefault(v => v.Name == name)?.Aliases ?? []];
        string uuid = Guid.TryParse(header.Uuid, out Guid id) ? id.ToString("D") : "crypt" + string.Concat(name.Where(char.IsAsciiLetterOrDigit));
        LuksDevice opened = Open(device, header, names, name);
        var volume = new AssembledVolume
        {
            Name = "mapper/luks-" + uuid,
            Aliases = ["disk/by-id/dm-name-luks-" + uuid],
            Kind = VolumeKind.Luks,
            Uuid = uuid,
            Device = opened,
            Members = [name],
            ReadOnlyReason = result.Volumes.FirstOrDefault(v => v.Name == name)?.ReadOnlyReason,
        };
        if (result.Volumes.Any(v => v.Name == volume.Name))
        {
            opened.Dispose();
            result.Notes.Add($"{name} is a second copy of the LUKS volume {uuid}, which was opened already.");
            return true;
        }

        result.Found.Add(volume);
        made.Add(volume);
        return true;
    }

    private LuksDevice Open(BlockDevice device, LuksHeader header, string[] names, string target)
    {
        int tried = 0;
        foreach (VolumeKey key in keys.For(names, header.Uuid))
        {
            foreach (byte[] passphrase in key.Read())
            {
                tried++;
                byte[]? master = null;
                try
                {
                    master = header.Unlock(device, passphrase, target);
                    if (master is not null)
                    {
                        return new LuksDevice(device, header, master, target);
                    }
                }
                finally
                {
                    CryptographicOperations.ZeroMemory(passphrase);
                    CryptographicOperations.ZeroMemory(master);
                }
            }
        }

        if (tried > 0)
        {
            throw new V2VException(
                "LuksKeyWrong", V2VErrorKind.InvalidState, $"None of the keys for the encrypted volume {target} ({header.Uuid}) opens it.", target, "Give the right passphrase or key file with -Key.");
        }

        string tokens = header.Tokens.Count == 0 ? "" : $" It can be opened by {string.Join(", ", header.Tokens.Distinct().Take(4))}, which V2V cannot do.";
        throw new V2VException(
            header.Slots.Count > 0 && header.Tokens.Count < header.Slots.Count ? "LuksKeyMissing" : "LuksTokenOnly", V2VErrorKind.InvalidState,
            $"The volume {target} is encrypted (LUKS{header.Version}, {header.Uuid}) and no key was given for it.{tokens}", target,
            header.Tokens.Count < header.Slots.Count
                ? $"Give its passphrase or key file: -Key @{{ '{header.Uuid}' = $passphrase }}, with 'all' for every volume."
                : "Add a passphrase in the guest (cryptsetup luksAddKey), export it again and give it with -Key.");
    }
}
