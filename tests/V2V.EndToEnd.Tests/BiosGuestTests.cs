using Xunit;

namespace V2V.EndToEnd;

/// <summary>MBR, BIOS, swap in an extended partition.</summary>
public sealed class BiosGuestTests(BiosGuestTests.Guest guest) : DebianGuestTests(guest.Debian, rootPartition: 1), IClassFixture<BiosGuestTests.Guest>
{
    public sealed class Guest : IDisposable
    {
        public DebianGuest Debian { get; } = new("bios");

        public void Dispose() => Debian.Dispose();
    }
}
