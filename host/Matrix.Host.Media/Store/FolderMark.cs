using System.Text;
using Matrix.Host.Storage;

namespace Matrix.Host.Media.Store;

/// <summary>
/// A file of one line that says to whom a folder belongs, also where locks of other machines are not seen. It is
/// written once, whole or not at all: a part of a name would be another server's.
/// </summary>
internal static class FolderMark
{
    /// <summary>The name of the file with the id that the database of a cluster knows.</summary>
    internal const string Cluster = "cluster";

    private const string New = ".new";

    /// <summary>What a mark says; empty if there is none.</summary>
    internal static string Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";

    /// <summary>Writes a mark unless there is one. Returns what it says.</summary>
    internal static string Make(string path, string text)
    {
        if (Read(path) is { Length: > 0 } known) return known;
        var draft = $"{path}{New}{Guid.NewGuid():N}";
        using (var file = OwnFiles.Create(draft))
        {
            file.Write(Encoding.UTF8.GetBytes(text + "\n"));
            file.Flush(flushToDisk: true);
        }

        try
        {
            // An empty one is what an earlier version could leave. Of two nodes, the first one writes it.
            File.Move(draft, path, overwrite: File.Exists(path) && Read(path).Length == 0);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(draft);
        }

        Durable.SyncFolder(Path.GetDirectoryName(path)!);
        return Read(path);
    }

    /// <summary>Whether a file is one that a server was writing.</summary>
    internal static bool IsDraft(string? name, params ReadOnlySpan<string> marks)
    {
        foreach (var mark in marks)
        {
            if (name?.StartsWith(mark + New, StringComparison.Ordinal) == true) return true;
        }

        return false;
    }
}
