using System.Diagnostics;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Store;

/// <summary>
/// Files that were made from contents, such as thumbnails: a folder for each content. They can be made again, so they
/// are not synced.
/// </summary>
public sealed partial class DerivedFiles
{
    private const int Digits = 2;
    private const int HashLength = 64;

    /// <summary>The name of the file with what is known of a content.</summary>
    private const string Note = "note";

    /// <summary>All files below a folder, without those of folders that cannot be read.</summary>
    private static readonly EnumerationOptions _readable = new()
    {
        RecurseSubdirectories = true,
        IgnoreInaccessible = true,
        AttributesToSkip = 0,
    };

    private static readonly TimeSpan _othersCounted = TimeSpan.FromHours(1);

    private readonly string _folder;
    private readonly string _work;
    private readonly int _mostOfContent;
    private readonly TimeSpan _precision;
    private readonly bool _isShared;
    private readonly ILogger _log;
    private long _bytes;
    private volatile bool _isCounted;
    private long _countedAt;

    /// <summary>Makes the folder.</summary>
    public DerivedFiles(MediaOptions options, ILogger log)
    {
        _log = log;
        (_mostOfContent, _precision) = (options.ThumbnailsOfFile, options.AccessPrecision);
        _folder = Path.Combine(options.Folder, "thumbnails");
        _isShared = options.SharesFolder;
        _work = WorkFolders.Of(options, WorkFolders.Tools);
        OwnFiles.MakeFolder(_folder);
        OwnFiles.MakeFolder(_work);
        WorkFolders.Empty(_work);
    }

    /// <summary>Makes an empty folder for a tool. What a stopped server left is deleted at the next start.</summary>
    internal string NewWorkFolder() =>
        OwnFiles.MakeFolder(Path.Combine(_work, Guid.NewGuid().ToString("N"))).FullName;

    /// <summary>
    /// Deletes such a folder. If a tool that is ending writes into it, the next start deletes it.
    /// </summary>
    internal static void DeleteWorkFolder(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (IOException)
        {
            // Nothing refers to it.
        }
    }

    /// <summary>A file that was made from a content; null if there is none. It counts as used now.</summary>
    internal FileInfo? Find(string hash, string name)
    {
        var file = new FileInfo(Path.Combine(FolderOf(hash), name));
        if (!file.Exists) return null;
        if (DateTime.UtcNow - file.LastWriteTimeUtc > _precision)
        {
            try
            {
                file.LastWriteTimeUtc = DateTime.UtcNow;
            }
            catch (IOException)
            {
                // It was deleted this moment. Who opens it finds out.
            }
        }

        return file;
    }

    /// <summary>Keeps a file. Of too many from one content the longest unused is deleted.</summary>
    internal FileInfo Keep(string hash, string name, string made)
    {
        var folder = OwnFiles.MakeFolder(FolderOf(hash));
        var others = folder.GetFiles().Where(file => file.Name != name && file.Name != Note)
            .OrderByDescending(file => file.LastWriteTimeUtc);
        foreach (var old in others.Skip(_mostOfContent - 1)) old.Delete();
        var path = Path.Combine(folder.FullName, name);
        File.Move(made, path, overwrite: true);
        var kept = new FileInfo(path);
        Interlocked.Add(ref _bytes, kept.Length);
        return kept;
    }

    /// <summary>What was noted about a content; null if nothing was.</summary>
    internal string? FindNote(string hash)
    {
        try
        {
            return File.ReadAllText(Path.Combine(FolderOf(hash), Note));
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Notes something about a content, in one line.</summary>
    internal void KeepNote(string hash, string line)
    {
        var folder = OwnFiles.MakeFolder(FolderOf(hash));
        // Several sizes of one image may be made at once: each notes the same.
        using var file = OwnFiles.Open(
            Path.Combine(folder.FullName, Note), FileMode.Create, share: FileShare.ReadWrite);
        file.Write(System.Text.Encoding.UTF8.GetBytes(line));
    }

    /// <summary>
    /// Deletes the longest unused files if all take more than these bytes. The files are looked at once after a start,
    /// and when the bytes that were added make it likely; hourly if other nodes add some, too.
    /// </summary>
    internal void Shrink(long most, CancellationToken stop)
    {
        if (Interlocked.Read(ref _bytes) <= most && _isCounted
            && !(_isShared && Stopwatch.GetElapsedTime(_countedAt) > _othersCounted))
        {
            return;
        }

        var files = new List<(FileInfo File, long Bytes, DateTime UsedAt)>();
        foreach (var file in new DirectoryInfo(_folder).EnumerateFiles("*", _readable))
        {
            stop.ThrowIfCancellationRequested();
            if (file.Name == Note) continue;
            try
            {
                files.Add((file, file.Length, file.LastWriteTimeUtc));
            }
            catch (FileNotFoundException)
            {
                // It was deleted with its content this moment.
            }
        }

        var bytes = files.Sum(static file => file.Bytes);
        if (bytes > most)
        {
            // Some more than needed, so that this does not happen each time.
            foreach (var file in files.OrderBy(static file => file.UsedAt))
            {
                if (bytes <= most - (most / 10)) break;
                bytes -= file.Bytes;
                file.File.Delete();
            }
        }

        Interlocked.Exchange(ref _bytes, bytes);
        _countedAt = Stopwatch.GetTimestamp();
        _isCounted = true;
    }

    /// <summary>The contents from which something was made, in parts.</summary>
    internal IEnumerable<string[]> Contents() =>
        new DirectoryInfo(_folder).EnumerateDirectories().Select(ContentsOf);

    /// <summary>Deletes what was made from a content.</summary>
    internal void Delete(string hash)
    {
        var folder = FolderOf(hash);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>The same; a folder that cannot be deleted is passed over.</summary>
    internal void TryDelete(string hash)
    {
        try
        {
            Delete(hash);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Unreadable(FolderOf(hash), fault.Message);
        }
    }

    /// <summary>Those of one part; none if it cannot be read, so that the other parts are.</summary>
    private string[] ContentsOf(DirectoryInfo part)
    {
        try
        {
            return
            [
                .. part.EnumerateDirectories()
                    .Select(content => part.Name + content.Name)
                    .Where(hash => hash.Length == HashLength && hash.All(char.IsAsciiHexDigitLower)),
            ];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Unreadable(part.FullName, fault.Message);
            return [];
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The folder of thumbnails {Folder} was passed over: {Reason}")]
    private partial void Unreadable(string folder, string reason);

    private string FolderOf(string hash) => Path.Combine(_folder, hash[..Digits], hash[Digits..]);
}
