using V2V.EndToEnd;
using Xunit.Sdk;
using Xunit.v3;

[assembly: Xunit.TestCollectionOrderer(typeof(LongestFirst))]

namespace V2V.EndToEnd;

/// <summary>Two collections run at a time: those that take a quarter of an hour each must not come last.</summary>
internal sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] s_order = [nameof(XfsOnLvmGuestTests), nameof(EncryptedRaidGuestTests), BiosGuest.Collection, nameof(BtrfsGuestTests)];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(c => (uint)Array.FindIndex(s_order, n => c.TestCollectionDisplayName.Contains(n, StringComparison.Ordinal)))];
}
