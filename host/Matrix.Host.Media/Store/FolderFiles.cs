using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Matrix.Host.Storage;

namespace Matrix.Host.Media.Store;

/// <summary>Keeps contents as files: a folder for the first two digits of the hash, a file for the others.</summary>
public sealed class FolderFiles : IMediaFiles
{
    /// <summary>The name of the folder, within that of media.</summary>
    internal const string Name = "files";

    private const int Digits = 2;
    private const int HashLength = 64;

    private readonly string _folder;
    private readonly ConcurrentDictionary<string, bool> _synced = new(StringComparer.Ordinal);

    /// <summary>Makes the folder.</summary>
    public FolderFiles(MediaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _folder = System.IO.Path.Combine(options.Folder, Name);
        Directory.CreateDirectory(_folder);
        Durable.SyncFolder(options.Folder);
        if (System.IO.Path.GetDirectoryName(options.Folder) is { } parent) Durable.SyncFolder(parent);
    }

    /// <inheritdoc/>
    public async ValueTask KeepAsync(SpooledFile file, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(file);
        await Task.Run(() => Keep(file), stop).ConfigureAwait(false);
    }

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
            var first = System.IO.Path.GetFileName(part);
            yield return await Task.Run(() => new DirectoryInfo(part).EnumerateFiles()
                .Where(file => file.LastWriteTimeUtc >= after && file.LastWriteTimeUtc < before)
                .Select(file => first + file.Name)
                .Where(hash => hash.Length == HashLength && hash.All(char.IsAsciiHexDigitLower))
                .ToArray(), stop).ConfigureAwait(false);
        }
    }

    private void Keep(SpooledFile file)
    {
        var path = PathOf(file.Hash);

        var folder = System.IO.Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);

        // A file of that name was synced before it got the name. It must not look old to a sweep that runs before its
        // row is written.
        if (File.Exists(path)) File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        else File.Move(file.Path, path);

        // A server that was killed may have made the folder, or given the name, and not synced it.
        Durable.SyncFolder(folder);
        if (_synced.ContainsKey(folder)) return;
        Durable.SyncFolder(_folder);
        _synced[folder] = true;
    }

    private string PathOf(string hash) => System.IO.Path.Combine(_folder, hash[..Digits], hash[Digits..]);
}
