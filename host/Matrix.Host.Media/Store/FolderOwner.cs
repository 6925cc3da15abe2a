using Matrix.Host.Storage;

namespace Matrix.Host.Media.Store;

/// <summary>
/// The lock of a folder of media, held until it is disposed or the process ends: two servers would delete what the
/// other one receives. The name of the server stays in the folder.
/// </summary>
internal sealed class FolderOwner : IDisposable
{
    /// <summary>The name of the file that is locked.</summary>
    internal const string Lock = "lock";

    /// <summary>The name of the file with the server's name.</summary>
    internal const string Owner = "owner";

    private const string New = ".new";

    private readonly FileStream _lock;

    private FolderOwner(FileStream held) => _lock = held;

    /// <summary>Locks a folder for a server. It exists.</summary>
    /// <exception cref="IOException">Another process has it, or it is another server's.</exception>
    internal static FolderOwner Take(string folder, string serverName)
    {
        var path = Path.Combine(folder, Lock);
        FileStream held;
        try
        {
            held = OwnFiles.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new IOException("it is in use by another process");
        }

        try
        {
            Claim(Path.Combine(folder, Owner), serverName);
            return new FolderOwner(held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file of this name in the folder is one of these.</summary>
    internal static bool Has(string? name) => name is Lock or Owner or Owner + New;

    public void Dispose() => _lock.Dispose();

    private static void Claim(string path, string serverName)
    {
        var theirs = File.Exists(path) ? File.ReadAllText(path).Trim() : "";
        if (theirs == serverName) return;
        if (theirs.Length > 0) throw new IOException($"it belongs to the server {theirs}");

        // Whole or not at all: a part of a name would be another server's.
        var draft = path + New;
        using (var file = OwnFiles.Create(draft))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(serverName + "\n"));
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
    }
}
