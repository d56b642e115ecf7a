namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>How well a folder of a library suits a Windows; the better one is greater.</summary>
internal static class DriverRank
{
    private const int Untagged = 2;

    /// <summary>The rank, or null if the folder is for a later Windows, or for one whose drivers the guest cannot use.</summary>
    /// <remarks>
    /// The folder of the guest's own Windows comes first, then one that names none, then the same kernel version of the other product type or of
    /// an older release, then the nearest older version.
    /// </remarks>
    internal static (int Class, Version Version, bool SameType)? Of(DriverCandidate candidate, TargetSystem target)
    {
        if (candidate.Folder is not { } folder)
        {
            return (Untagged, new Version(0, 0), false);
        }

        if (folder == WindowsFolder.For(target))
        {
            return (3, folder.Version, true);
        }

        var kernel = new Version(target.Version.Major, target.Version.Minor);
        bool isSameKernel = folder.Kernel == kernel;
        if (!folder.SuitsOlder(target.Version) || (!isSameKernel && !CanCross(candidate.Kind, folder.Kernel, kernel)))
        {
            return null;
        }

        bool isSameType = folder.IsServer == target.IsServer;
        return isSameKernel ? (isSameType ? 1 : 0, folder.Version, isSameType) : (-1, folder.Version, isSameType);
    }

    /// <summary>Drivers of Windows XP and Server 2003 are too different from later ones; displays are in every version.</summary>
    private static bool CanCross(DriverKind kind, Version from, Version to) => kind != DriverKind.Display && (from.Major >= 6) == (to.Major >= 6);
}
