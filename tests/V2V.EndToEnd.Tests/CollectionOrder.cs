using V2V.EndToEnd;
using Xunit.Sdk;
using Xunit.v3;

[assembly: Xunit.TestCollectionOrderer(typeof(CollectionOrder))]

namespace V2V.EndToEnd;

/// <summary>
/// Two collections run at a time. Those that take a quarter of an hour each must not come last, nor first, when the other projects' tests still run
/// and a rebuild of an initramfs under emulation would take twice as long.
/// </summary>
internal sealed class CollectionOrder : ITestCollectionOrderer
{
    private static readonly string[] s_order = [BiosGuest.Collection, nameof(BtrfsGuestTests), nameof(XfsOnLvmGuestTests), nameof(EncryptedRaidGuestTests)];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(c => (uint)Array.FindIndex(s_order, n => c.TestCollectionDisplayName.Contains(n, StringComparison.Ordinal)))];
}
