namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>
/// One script of the first boot. Its exit code says how it went: 0 done, 3010 done but Windows must restart, 249 again after a restart (three times
/// at most), anything else failed, which is logged and does not hold up the others.
/// </summary>
/// <param name="Order">Four digits; lower runs first.</param>
/// <param name="Name">Short name, for the log.</param>
/// <param name="Text">Lines of the script, separated by LF.</param>
internal sealed record FirstBootScript(int Order, string Name, string Text)
{
    /// <summary>Windows must restart.</summary>
    internal const int Restart = 3010;

    /// <summary>Windows must restart and the script run again.</summary>
    internal const int Again = 249;

    /// <summary>Name of the file.</summary>
    internal string FileName => FormattableString.Invariant($"{Order:0000}-{Name}.cmd");
}
