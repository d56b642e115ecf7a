using V2V.Storage.Volumes;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>Volumes that Clevis or a TPM opens, made by cryptsetup: refused with advice unless a passphrase opens them too.</summary>
public sealed class LuksTokenTests
{
    [Theory]
    [InlineData("clevis", """{"type":"clevis","keyslots":["0"],"jwe":{"ciphertext":""}}""")]
    [InlineData("systemd-tpm2", """{"type":"systemd-tpm2","keyslots":["0"],"tpm2-blob":"AA==","tpm2-pcrs":[7],"tpm2-policy-hash":"00"}""")]
    public void AVolumeThatOnlyATokenOpensIsRefusedWithAdvice(string type, string token)
    {
        Tool.Require("cryptsetup", "sh");
        using var directory = new TemporaryDirectory();
        string path = directory.File("volume"), first = directory.File("first"), second = directory.File("second");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(24 << 20);
        }

        File.WriteAllText(first, "of-the-token");
        File.WriteAllText(second, "of-the-admin");
        File.WriteAllText(directory.File("token"), token);
        string[] cost = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", first];
        Tool.Run("cryptsetup", ["luksFormat", "-q", "--type", "luks2", .. cost, path]);
        Tool.Run("sh", "-c", $"cryptsetup token import --json-file '{directory.File("token")}' '{path}'");
        VolumeProblem problem = Problem(path);
        Assert.Equal("LuksTokenOnly", problem.ErrorId);
        Assert.Contains(type, problem.Message, StringComparison.Ordinal);
        Assert.Contains("luksAddKey", problem.Advice, StringComparison.Ordinal);

        Tool.Run("cryptsetup", ["luksAddKey", "-q", .. cost, path, second]);
        problem = Problem(path);
        Assert.Equal("LuksKeyMissing", problem.ErrorId);
        Assert.Contains("-Key", problem.Advice, StringComparison.Ordinal);
        using FileDevice device = FileDevice.Open(path);
        using AssembledVolumes opened = VolumeAssembler.Assemble([new VolumeSource("vda", device)], VolumeFixtures.Keys("all", "of-the-admin"));
        Assert.Single(opened.Volumes);
    }

    private static VolumeProblem Problem(string path)
    {
        using FileDevice device = FileDevice.Open(path);
        using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("vda", device)]);
        Assert.Empty(volumes.Volumes);
        return Assert.Single(volumes.Problems);
    }
}
