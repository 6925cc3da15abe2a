namespace Matrix.Host.Media.Store;

/// <summary>
/// Folders of what is being received or made. Each node of a cluster has its own ones within them, and empties them
/// when it starts; what nodes left that do not come back is deleted by age.
/// </summary>
internal static class WorkFolders
{
    /// <summary>The name of the folder of what arrives.</summary>
    internal const string Incoming = "incoming";

    /// <summary>The name of the folder in which tools work.</summary>
    internal const string Tools = "work";

    private const string OfNode = "node-";

    /// <summary>Nothing takes so long that is still written to.</summary>
    private static readonly TimeSpan _left = TimeSpan.FromDays(1);

    /// <summary>Such a folder of this process.</summary>
    internal static string Of(MediaOptions options, string name)
    {
        var folder = Path.Combine(options.Folder, name);
        return options.Node.Length > 0 ? Path.Combine(folder, OfNode + options.Node) : folder;
    }

    /// <summary>Deletes what is in a folder. What cannot be deleted stays: nothing refers to it.</summary>
    internal static void Empty(string folder)
    {
        foreach (var left in new DirectoryInfo(folder).EnumerateFileSystemInfos()) Delete(left);
    }

    /// <summary>Deletes what nodes left, by age.</summary>
    internal static void DeleteLeft(MediaOptions options, DateTimeOffset now, CancellationToken stop)
    {
        foreach (var name in (string[])[Incoming, Tools])
        {
            var folder = new DirectoryInfo(Path.Combine(options.Folder, name));
            if (!folder.Exists) continue;
            foreach (var entry in folder.EnumerateFileSystemInfos())
            {
                stop.ThrowIfCancellationRequested();
                if (entry is not DirectoryInfo node || !node.Name.StartsWith(OfNode, StringComparison.Ordinal))
                {
                    // As a server left it that was no node.
                    if (IsLeft(entry)) Delete(entry);
                    continue;
                }

                foreach (var left in node.EnumerateFileSystemInfos().Where(IsLeft)) Delete(left);
            }
        }

        bool IsLeft(FileSystemInfo entry) => now - entry.LastWriteTimeUtc > _left;
    }

    private static void Delete(FileSystemInfo left)
    {
        try
        {
            if (left is DirectoryInfo { LinkTarget: null } folder) folder.Delete(recursive: true);
            else left.Delete();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The next time, or never: nothing refers to it.
        }
    }
}
