using System.Globalization;
using System.Text;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Probe;

/// <summary>What blkid prints in udev's form, compared with what the probe says.</summary>
internal static class BlkidOutput
{
    public static void AssertSame(IEnumerable<string> udevLines, string image)
    {
        Dictionary<string, string> expected = udevLines.Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        using FileDevice device = FileDevice.Open(image);
        VolumeSignature signature = FileSystemProbe.Identify(device);

        Assert.Equal(expected.GetValueOrDefault("ID_FS_TYPE"), signature.Type);
        Assert.Equal(Unescape(expected.GetValueOrDefault("ID_FS_UUID_ENC")), signature.Uuid);
        Assert.Equal(Unescape(expected.GetValueOrDefault("ID_FS_LABEL_ENC")), signature.Label);
    }

    /// <summary>Undoes udev's encoding: \xNN stands for a byte.</summary>
    private static string? Unescape(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var bytes = new List<byte>();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && text[i + 1] == 'x')
            {
                bytes.Add(byte.Parse(text.AsSpan(i + 2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                i += 3;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(text[i].ToString()));
            }
        }

        return GuestName.Decode(bytes.ToArray());
    }
}
