using System.Security.Cryptography;
using V2V.FileSystems;

namespace V2V.Core.Conversion.Linux;

/// <summary>A fresh random seed, so that no two machines made from one export start alike; and a machine id where the file waits for one, empty.</summary>
internal sealed class IdentityStep : ConversionStep
{
    private const int SeedLength = 512, MaxSeedLength = 8192;
    private const string MachineId = "/etc/machine-id";

    private static readonly string[] s_seeds =
        ["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/var/lib/random-seed", "/var/lib/misc/random-seed", "/etc/random-seed"];

    internal override string Name => "Identity";

    internal override int Order => 870;

    internal override void Apply(ConversionContext context)
    {
        string[] existing = [.. s_seeds.Where(context.Tree.FileExists)];
        if (existing.Length == 0)
        {
            string path = context.Inspection.InitSystem == "systemd" ? s_seeds[0] : s_seeds[1];
            existing = context.Tree.DirectoryExists(Guest.GuestPath.GetParent(path)) ? [path] : [];
        }

        foreach (string path in existing)
        {
            long length = context.Tree.TryGetEntry(path)?.Length ?? SeedLength;
            var seed = new byte[Math.Clamp(length, SeedLength, MaxSeedLength)];
            RandomNumberGenerator.Fill(seed);
            context.Editor.WriteBytes(path, seed, "A fresh random seed.", GuestMode.Private);
        }

        if (context.Tree.TryGetEntry(MachineId, followLinks: false) is { Type: GuestFileType.File, Length: 0 })
        {
            byte[] id = System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) + "\n");
            context.Editor.WriteBytes(MachineId, id, "The machine id was empty.");
        }
    }
}
