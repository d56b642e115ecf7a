namespace V2V.FileSystems.Xfs.Log;

/// <summary>Where the log begins and ends.</summary>
/// <param name="Head">Block that is written next.</param>
/// <param name="Cycle">Cycle that the head is written in.</param>
/// <param name="Tail">Block of the first record that counts.</param>
/// <param name="LastRecord">Block of the record before the head.</param>
/// <param name="IsClean">True if that record says that the file system was unmounted, or the log was never written.</param>
internal readonly record struct LogPosition(int Head, uint Cycle, int Tail, int LastRecord, bool IsClean);
