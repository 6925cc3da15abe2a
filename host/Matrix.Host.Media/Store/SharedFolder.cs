using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Media.Store;

/// <summary>
/// The agreement of the nodes of a cluster on one folder: the database has an id, and the folder carries it. It tells a
/// node that was given another folder, and a server of another database.
/// </summary>
public sealed class SharedFolder(MediaTable mediaTable, IStorageWriter writer)
{
    /// <summary>Refuses the folder of another cluster, and for a node one that is not that of the others.</summary>
    /// <exception cref="IOException">It is not the folder of this database.</exception>
    internal async ValueTask CheckAsync(MediaOptions options, CancellationToken stop)
    {
        var path = Path.Combine(options.Folder, FolderMark.Cluster);
        var mark = FolderMark.Read(path);
        if (options.Node.Length == 0 && mark.Length == 0) return;
        var known = await mediaTable.FolderAsync(stop);
        if (options.Node.Length == 0)
        {
            if (known?.Id != mark) throw Foreign();
            return;
        }

        if (known is null)
        {
            if (mark.Length > 0) throw Foreign();
            await WriteAsync(new MediaFolderNamed(Guid.NewGuid().ToString("N")), stop);
            known = await mediaTable.FolderAsync(stop);
        }

        if (known!.IsMarked && mark.Length == 0)
        {
            throw new IOException(
                "it is not the folder of the other nodes: mount that one. If it replaces that one, write "
                + $"{known.Id} into the file {path}");
        }

        if (FolderMark.Make(path, known.Id) != known.Id) throw Foreign();
        if (!known.IsMarked) await WriteAsync(new MediaFolderMarked(), stop);
    }

    private async ValueTask WriteAsync(Change change, CancellationToken stop) =>
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);

    private static IOException Foreign() =>
        new($"it belongs to a cluster with another database, as the file {FolderMark.Cluster} in it says");
}
