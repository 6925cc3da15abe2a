using System.Globalization;
using System.Runtime.CompilerServices;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Store;

/// <summary>
/// Keeps contents as files: a folder for the first two digits of the hash, a file for the rest of the name.
/// </summary>
public sealed partial class FolderFiles : IMediaFiles
{
    /// <summary>The name of the folder, within that of media.</summary>
    internal const string Name = "files";

    private const int Digits = 2;

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
    public async ValueTask KeepAsync(SpooledFile file, string name, CancellationToken stop) =>
        await Task.Run(() => Keep(file, name), stop);

    /// <inheritdoc/>
    public ValueTask<MediaFile?> OpenAsync(string name, CancellationToken stop)
    {
        var info = new FileInfo(PathOf(name));
        return ValueTask.FromResult<MediaFile?>(info.Exists ? new LocalFile(info.FullName, info.Length) : null);
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string name, CancellationToken stop)
    {
        var path = PathOf(name);
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
            yield return await Task.Run(() => NamesOf(part, after, before), stop);
        }
    }

    /// <summary>The names of one part; none if it cannot be read, so that the other parts are.</summary>
    private string[] NamesOf(string part, DateTimeOffset after, DateTimeOffset before)
    {
        try
        {
            var first = System.IO.Path.GetFileName(part);
            return
            [
                .. new DirectoryInfo(part).EnumerateFiles()
                    .Where(file => file.LastWriteTimeUtc >= after && file.LastWriteTimeUtc < before)
                    .Select(file => first + file.Name)
                    .Where(StoredName.IsValid),
            ];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Unreadable(part, fault.Message);
            return [];
        }
    }

    private void Keep(SpooledFile file, string name)
    {
        _ = _made.Value;
        var path = PathOf(name);
        File.Move(file.Path, path);
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

    private string PathOf(string name) => System.IO.Path.Combine(_folder, name[..Digits], name[Digits..]);
}
