using V2V.FileSystems.Xfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>What mkfs.xfs makes and we do not open is refused by name.</summary>
public sealed class XfsRefusalTests
{
    [Theory]
    [InlineData("-r", "rtdev", "XfsRealtimeUnsupported")]
    [InlineData("-l", "logdev", "XfsExternalLogUnsupported")]
    public void Another_device_is_refused_by_name(string section, string option, string errorId)
    {
        using var directory = new TemporaryDirectory();
        string other = directory.File("other");
        using (FileStream file = File.Create(other))
        {
            file.SetLength(320 << 20);
        }

        using var image = new XfsImage(320 << 20, section, $"{option}={other}");
        foreach (bool writable in (bool[])[false, true])
        {
            V2VException error = Assert.Throws<V2VException>(() => image.Open(writable));
            Assert.Equal((errorId, V2VErrorKind.Unsupported), (error.ErrorId, error.Kind));
            Assert.NotEmpty(error.Advice ?? "");
        }
    }
}
