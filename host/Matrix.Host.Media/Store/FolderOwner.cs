using Matrix.Host.Storage;

namespace Matrix.Host.Media.Store;

/// <summary>
/// The lock of a folder of media, held until it is disposed or the process ends: two servers would delete what the
/// other one receives. The nodes of a cluster hold it together. The name of the server stays in the folder.
/// </summary>
internal sealed class FolderOwner : IDisposable
{
    /// <summary>The name of the file that is locked.</summary>
    internal const string Lock = "lock";

    /// <summary>The name of the file with the server's name.</summary>
    internal const string Owner = "owner";

    private readonly FileStream _lock;

    private FolderOwner(FileStream held) => _lock = held;

    /// <summary>Locks a folder for a server. It exists.</summary>
    /// <param name="isNode">Whether other nodes may have it, too.</param>
    /// <exception cref="IOException">Another process has it, or it is another server's.</exception>
    internal static FolderOwner Take(string folder, string serverName, bool isNode)
    {
        var path = Path.Combine(folder, Lock);
        FileStream held;
        try
        {
            // Files that are shared for reading are locked by all who open them so, and by nobody else.
            held = isNode
                ? OwnFiles.Open(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.Read)
                : OwnFiles.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new IOException(isNode
                ? "it is in use by a server that is no node of a cluster"
                : "it is in use by another process");
        }

        try
        {
            var theirs = FolderMark.Make(Path.Combine(folder, Owner), serverName);
            return theirs == serverName
                ? new FolderOwner(held)
                : throw new IOException($"it belongs to the server {theirs}");
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file of this name in the folder is one of these, or the draft of one.</summary>
    internal static bool Has(string? name) =>
        name is Lock or Owner or FolderMark.Cluster || FolderMark.IsDraft(name, Owner, FolderMark.Cluster);

    public void Dispose() => _lock.Dispose();
}
