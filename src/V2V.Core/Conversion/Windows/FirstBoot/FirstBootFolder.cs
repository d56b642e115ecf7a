namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>
/// Where the first boot's files are. Below the folder of Windows, because AppLocker's default rules allow scripts there; only the system and
/// administrators may look into it.
/// </summary>
internal static class FirstBootFolder
{
    /// <summary>The folder, below the folder of Windows.</summary>
    internal const string Name = "V2V";

    /// <summary>The folder as scripts write it.</summary>
    internal const string InGuest = @"%SystemRoot%\V2V";

    /// <summary>The log, which stays.</summary>
    internal const string Log = @"%SystemRoot%\v2v-firstboot.log";

    /// <summary>The program that runs the scripts.</summary>
    internal const string Controller = "firstboot.cmd";
}
