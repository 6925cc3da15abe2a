using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Store;

/// <summary>The folder of the files on this machine, opened. Disposing lets another server open it.</summary>
public sealed class MediaFolder : IDisposable
{
    private readonly FolderOwner _owner;

    private MediaFolder(FolderOwner owner, MediaSpool spool, IMediaFiles files, DerivedFiles derived)
    {
        _owner = owner;
        (Spool, Files, Derived) = (spool, files, derived);
    }

    /// <summary>The contents that arrive.</summary>
    internal MediaSpool Spool { get; }

    /// <summary>The contents that are kept.</summary>
    internal IMediaFiles Files { get; }

    /// <summary>What was made from contents.</summary>
    internal DerivedFiles Derived { get; }

    /// <summary>
    /// Makes the folder if there is none, locks it, and deletes what a stopped server was receiving.
    /// </summary>
    /// <param name="options">The configuration.</param>
    /// <param name="log">The log of what is passed over later.</param>
    /// <param name="shared">What nodes agree on; null without a database.</param>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public static async Task<MediaFolder> OpenAsync(
        MediaOptions options, ILogger log, SharedFolder? shared, CancellationToken stop)
    {
        FolderOwner? owner = null;
        try
        {
            Check(options.Folder);

            // The folder of files first: it tells that the others are this server's.
            var folder = new FolderFiles(options, log);

            // Before `incoming` is emptied: another server may be receiving into it.
            owner = FolderOwner.Take(options.Folder, options.ServerName, options.Node.Length > 0);
            if (shared is not null && options.S3.Endpoint.Length == 0) await shared.CheckAsync(options, stop);
            var spool = new MediaSpool(options);
            if (options.S3.Endpoint.Length == 0) CheckMove(spool.Folder, folder.Folder);
            IMediaFiles files = options.S3.Endpoint.Length > 0 ? new S3Files(options.S3) : folder;
            return new MediaFolder(owner, spool, files, new DerivedFiles(options, log));
        }
        catch (Exception fault)
        {
            owner?.Dispose();
            if (fault is not (IOException or UnauthorizedAccessException)) throw;
            throw new IOException($"media.folder: {options.Folder} cannot be used: {fault.Message}", fault);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        (Files as IDisposable)?.Dispose();
        _owner.Dispose();
    }

    /// <summary>
    /// Refuses a folder of something else: what is in it would be deleted. A loss of power during the first start may
    /// leave the lock and not the folder of files.
    /// </summary>
    private static void Check(string folder)
    {
        if (Directory.Exists(folder)
            && Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Any(name => !FolderOwner.Has(name))
            && !Directory.Exists(Path.Combine(folder, FolderFiles.Name)))
        {
            throw new IOException("it is not empty, and has no media of this server");
        }
    }

    /// <summary>
    /// Refuses folders on two file systems. A file that has to be copied between them is not whole at once under its
    /// name, and not synced.
    /// </summary>
    private static void CheckMove(string incoming, string files)
    {
        // Another node may try it at the same time.
        var name = $"probe-{Guid.NewGuid():N}";
        var (from, to) = (Path.Combine(incoming, name), Path.Combine(files, name));
        OwnFiles.MakeFolder(from);
        try
        {
            // Files would be copied where they cannot be moved; folders are not.
            Directory.Move(from, to);
            Directory.Delete(to);
        }
        catch (IOException fault)
        {
            Directory.Delete(from);
            throw new IOException(
                $"files cannot be moved from {incoming} to {files}. Both must be on one file system", fault);
        }
    }
}
