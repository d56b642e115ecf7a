using Xunit;

namespace V2V.EndToEnd;

/// <summary>MBR, BIOS, swap in an extended partition. Built once for all the tests that use it.</summary>
public sealed class BiosGuest : IDisposable
{
    public const string Collection = "BIOS guest";

    public DebianGuest Debian { get; } = new("bios", "bios", "/dev/sda1 does not exist");

    public void Dispose() => Debian.Dispose();

    [CollectionDefinition(Collection)]
    public sealed class Definition : ICollectionFixture<BiosGuest>;
}

[Collection(BiosGuest.Collection)]
public sealed class BiosGuestTests(BiosGuest guest) : DebianGuestTests(guest.Debian, rootPartition: 1);
