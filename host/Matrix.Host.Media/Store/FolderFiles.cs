using System.Globalization;
using System.Runtime.CompilerServices;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Store;

/// <summary>Keeps contents as files: a folder for the first two digits of the hash, a file for the others.</summary>
public sealed partial class FolderFiles : IMediaFiles
{
    /// <summary>The name of the folder, within that of media.</summary>
    internal const string Name = "files";

    private const int Digits = 2;
    private const int HashLength = 64;

    private readonly string _folder;
    private readonly ILogger _log;

    /// <summary>Makes all folders of the first digits and syncs their names, once: not an upload at a time.</summary>
    private readonly Lazy<bool> _made;

    /// <summary>Makes the folder.</summary>
    public FolderFiles(MediaOptions options, ILogger log)
    {
        _log = log;
        _folder = System.IO.Path.Combine(options.Folder, Name);
        OwnFiles.MakeFolder(options.Folder);
        OwnFiles.MakeFolder(_folder);
        _made = new Lazy<bool>(MakeFolders, LazyThreadSafetyMode.PublicationOnly);
        Durable.SyncFolder(options.Folder);
        if (System.IO.Path.GetDirectoryName(options.Folder) is { } parent) Durable.SyncFolder(parent);
    }

    /// <summary>The folder of the contents.</summary>
    internal string Folder => _folder;

    /// <inheritdoc/>
    public async ValueTask KeepAsync(SpooledFile file, CancellationToken stop) =>
        await Task.Run(() => Keep(file), stop);

    /// <inheritdoc/>
    public ValueTask<MediaFile?> OpenAsync(string hash, CancellationToken stop)
    {
        var info = new FileInfo(PathOf(hash));
        return ValueTask.FromResult<MediaFile?>(info.Exists ? new LocalFile(info.FullName, info.Length) : null);
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string hash, CancellationToken stop)
    {
        var path = PathOf(hash);
        if (File.Exists(path)) File.Delete(path);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<string>> ListAsync(
        DateTimeOffset after, DateTimeOffset before, [EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var part in Directory.EnumerateDirectories(_folder))
        {
            stop.ThrowIfCancellationRequested();
            yield return await Task.Run(() => HashesOf(part, after, before), stop);
        }
    }

    /// <summary>The hashes of one part; none if it cannot be read, so that the other parts are.</summary>
    private string[] HashesOf(string part, DateTimeOffset after, DateTimeOffset before)
    {
        try
        {
            var first = System.IO.Path.GetFileName(part);
            return
            [
                .. new DirectoryInfo(part).EnumerateFiles()
                    .Where(file => file.LastWriteTimeUtc >= after && file.LastWriteTimeUtc < before)
                    .Select(file => first + file.Name)
                    .Where(hash => hash.Length == HashLength && hash.All(char.IsAsciiHexDigitLower)),
            ];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Unreadable(part, fault.Message);
            return [];
        }
    }

    private void Keep(SpooledFile file)
    {
        _ = _made.Value;
        var path = PathOf(file.Hash);

        // A file of that name was synced before it got the name. It must not look old to a sweep that runs before its
        // row is written. Another length means that it was damaged: it has not the content of its name.
        if (new FileInfo(path) is { Exists: true } known && known.Length == file.Size)
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        else
        {
            File.Move(file.Path, path, overwrite: true);
        }

        // A server that was killed may have given the name, and not synced it.
        Durable.SyncFolder(System.IO.Path.GetDirectoryName(path)!);
    }

    private bool MakeFolders()
    {
        for (var first = 0; first <= byte.MaxValue; first++)
        {
            OwnFiles.MakeFolder(
                System.IO.Path.Combine(_folder, first.ToString("x2", CultureInfo.InvariantCulture)));
        }

        // A server that was killed may have made some, and not synced their names.
        Durable.SyncFolder(_folder);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The media folder {Folder} was passed over: {Reason}")]
    private partial void Unreadable(string folder, string reason);

    private string PathOf(string hash) => System.IO.Path.Combine(_folder, hash[..Digits], hash[Digits..]);
}
