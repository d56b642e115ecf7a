using Xunit;

namespace V2V.EndToEnd;

/// <summary>GPT, UEFI, an ESP without a fallback loader.</summary>
public sealed class UefiGuestTests(UefiGuestTests.Guest guest) : DebianGuestTests(guest.Debian, rootPartition: 2), IClassFixture<UefiGuestTests.Guest>
{
    public sealed class Guest : IDisposable
    {
        public DebianGuest Debian { get; } = new("uefi", "uefi", "Shell>");

        public void Dispose() => Debian.Dispose();
    }
}
