using System.Diagnostics;

namespace V2V.Testing;

/// <summary>
/// A file system that the kernel mounts for as long as the object lives. A program that another test starts holds, from its fork to its exec,
/// every file that is open in this process, so an unmount that finds the file system busy is tried again for a while.
/// </summary>
public sealed class LoopMount : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly string _mountPoint;

    /// <param name="device">A device, or an image with <c>loop</c> among the options.</param>
    /// <param name="mountPoint">A directory, made if it is not there.</param>
    /// <param name="options">Of mount -o.</param>
    /// <param name="type">Of mount -t, or null.</param>
    public LoopMount(string device, string mountPoint, string options, string? type = null)
    {
        Tool.RequireRoot();
        Directory.CreateDirectory(mountPoint);
        Tool.Run("mount", [.. type is null ? Array.Empty<string>() : ["-t", type], "-o", options, device, mountPoint]);
        _mountPoint = mountPoint;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var clock = Stopwatch.StartNew();
        while (Tool.TryRun("umount", _mountPoint) is (not 0, var output))
        {
            if (!output.Contains("busy", StringComparison.Ordinal) || clock.Elapsed > s_patience)
            {
                throw new IOException($"umount {_mountPoint}: {output}");
            }

            Thread.Sleep(50);
        }
    }
}
