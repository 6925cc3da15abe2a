using Matrix.Host.Configuration;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Whom the folders of the server's files admit.</summary>
internal static partial class DataFolder
{
    /// <summary>
    /// Warns of folders that others may enter, as those of older versions. Their modes are not changed: an operator may
    /// have set them.
    /// </summary>
    internal static void WarnOfOthers(HomeserverConfig config, ILogger log)
    {
        var media = Path.GetFullPath(config.Media.Folder);
        var data = Path.GetFullPath(config.DataDir);
        string[] folders = media.StartsWith(data + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? [data]
            : [data, media];
        foreach (var folder in folders.Where(OwnFiles.IsOpenToOthers)) IsOpen(log, folder);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Other users of this machine may enter {Folder}. To keep them out: chmod 700 {Folder}")]
    private static partial void IsOpen(ILogger log, string folder);
}
