namespace V2V.Registry.Logs;

/// <summary>What the transaction logs did to a hive when it was opened.</summary>
/// <param name="State">Whether the hive can be trusted.</param>
/// <param name="Entries">Log entries that were applied.</param>
/// <param name="Ranges">Changed ranges (pages or sectors) in them.</param>
/// <param name="Problem">Why the logs could not be used; empty otherwise.</param>
public sealed record HiveRecovery(HiveState State, int Entries, int Ranges, string Problem);

/// <summary>Whether a hive was closed cleanly.</summary>
public enum HiveState
{
    /// <summary>It was.</summary>
    Clean,

    /// <summary>It was not, and the logs completed it as Windows would at the next start.</summary>
    Recovered,

    /// <summary>It was not, and there is no log that fits: it can be read as it stands, but not written.</summary>
    Dirty,
}
