namespace V2V.Core.Conversion.Windows.Settings;

/// <summary>What Windows does with a disk that it has never seen (Services\partmgr\Parameters\SanPolicy): as VDS_SAN_POLICY numbers it.</summary>
/// <param name="Before">What the guest had; null if it had no value, which means that the edition decides.</param>
internal sealed record SanPolicy(uint? Before)
{
    /// <summary>Every new disk comes online and writable.</summary>
    internal const uint OnlineAll = 1;

    /// <summary>Name of the value.</summary>
    internal const string Value = "SanPolicy";

    /// <summary>The key below a control set.</summary>
    internal const string Key = @"Services\partmgr\Parameters";
}
