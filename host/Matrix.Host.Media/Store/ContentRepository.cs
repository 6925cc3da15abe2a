using System.Collections.Concurrent;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Store;

/// <summary>
/// Uploads, and the media of this server. v1.19 client-server-api#content-repository. A content is synced before its
/// URI is durable, and the URI before the response.
/// </summary>
public sealed partial class ContentRepository
{
    private const int LeftAtOnce = 200;

    /// <summary>Contents that cannot be deleted. Beyond these the rest waits for the next time.</summary>
    private const int MostFailures = 1000;

    private static readonly MediaFailure _busy = new(
        MediaFailureKind.TooMany, "You upload too much at once. Try again later.");

    private static readonly MediaFailure _unknown = new(MediaFailureKind.NotFound, "There is no such media.");

    private static readonly MediaFailure _ended = new(
        MediaFailureKind.Forbidden, "Your session ended before the content was here.");

    private readonly MediaTable _mediaTable;
    private readonly IStorageWriter _writer;
    private readonly IMediaFiles _files;
    private readonly DerivedFiles _derived;
    private readonly MediaSpool _spool;
    private readonly MediaOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ContentRepository> _log;
    private readonly UploadSlots _slots;
    private readonly UploadSlots _creations;
    private readonly MediaArrivals _arrivals;

    /// <summary>Files whose URI is being written here: a sweep does not take them for left behind.</summary>
    private readonly ConcurrentDictionary<string, bool> _kept = new(StringComparer.Ordinal);

    /// <summary>Creates the repository.</summary>
    public ContentRepository(
        MediaTable mediaTable,
        IStorageWriter writer,
        IMediaFiles files,
        DerivedFiles derived,
        MediaSpool spool,
        MediaArrivals arrivals,
        MediaOptions options,
        TimeProvider time,
        ILogger<ContentRepository> log)
    {
        (_mediaTable, _writer, _files, _derived) = (mediaTable, writer, files, derived);
        (_spool, _options, _time, _log) = (spool, options, time, log);
        (_slots, _creations) = (new UploadSlots(options), new UploadSlots(options));
        _arrivals = arrivals;
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Uploads a content. Returns the media id of its URI.</summary>
    public async ValueTask<MediaResult<string>> UploadAsync(Upload upload, CancellationToken stop)
    {
        var mediaId = MediaId.Create();
        var failure = await StoreAsync(upload, mediaId, isNew: true, stop);
        return failure is null ? mediaId : failure;
    }

    /// <summary>Creates a URI without content. Returns its media id, and when it expires.</summary>
    public async ValueTask<MediaResult<PendingMedia>> CreateAsync(string userId, CancellationToken stop)
    {
        using var slot = _creations.Take(userId, 0);
        if (slot is null) return _busy;
        var now = Now;
        if (await _mediaTable.PendingOfAsync(userId, now, stop) + slot.Uploads
            > _options.PendingPerUser)
        {
            return new MediaFailure(MediaFailureKind.TooMany, "You have too many URIs without content.");
        }

        if (await CheckAsync(slot, 0, stop) is { } failure) return failure;
        var pending = new PendingMedia(MediaId.Create(), now + (long)_options.PendingTime.TotalMilliseconds);
        var row = new MediaRow(
            _options.ServerName, pending.MediaId, null, 0, Upload.DefaultType, null, userId, now, now,
            pending.ExpiresAt, false);
        await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(new MediaCreated(row)), stop);
        return pending;
    }

    /// <summary>Uploads the content of a URI that the user created.</summary>
    public async ValueTask<MediaFailure?> FillAsync(string mediaId, Upload upload, CancellationToken stop)
    {
        // Refused before the content is read, and decided once it is here.
        if (await WhyNotFilledAsync(mediaId, upload.UserId, stop) is { } failure) return failure;
        return await StoreAsync(upload, mediaId, isNew: false, stop);
    }

    /// <summary>The media of a URI of this server.</summary>
    /// <param name="mediaId">The URI's second part.</param>
    /// <param name="wait">How long to wait if its content was not uploaded.</param>
    public async ValueTask<MediaResult<MediaRow>> FindAsync(string mediaId, TimeSpan wait, CancellationToken stop)
    {
        var found = await _mediaTable.FindAsync(_options.ServerName, mediaId, stop);
        if (found is { FileHash: null } && wait > TimeSpan.Zero)
        {
            using var waiting = _arrivals.Begin(mediaId);
            if (waiting is not null)
            {
                await waiting.WaitAsync(
                    wait < _options.LongestWait ? wait : _options.LongestWait,
                    async () => (found = await _mediaTable.FindAsync(_options.ServerName, mediaId, stop))
                        is not { FileHash: null },
                    stop);
            }
        }

        return found switch
        {
            null or { IsQuarantined: true } => _unknown,
            { FileHash: null, ExpiresAt: { } end } when end <= Now => _unknown,
            { FileHash: null } => new MediaFailure(
                MediaFailureKind.NotYetUploaded, "The content has not been uploaded yet."),
            _ => found,
        };
    }

    /// <summary>The content of media; null if its file is gone, or has not its length any more.</summary>
    public async ValueTask<MediaFile?> OpenAsync(MediaRow media, CancellationToken stop)
    {
        var file = await FileOfAsync(media, stop);
        var now = Now;
        if (file is null || now - media.AccessedAt < _options.AccessPrecision.TotalMilliseconds) return file;
        try
        {
            _writer.Post(new WriteBatch(Authority.Nobody, 1).Add(new MediaAccessed(media.Origin, media.MediaId, now)));
        }
        catch (StorageException)
        {
            // Too much waits to be written. The next download notes its time.
        }

        return file;
    }

    /// <summary>Whether the content is where it should be.</summary>
    internal async ValueTask<bool> HasFileAsync(MediaRow media, CancellationToken stop) =>
        await FileOfAsync(media, stop) is not null;

    /// <summary>Deletes media. Its file is deleted with its last URI. Returns whether there was any.</summary>
    public ValueTask<bool> DeleteAsync(MediaRow media, CancellationToken stop) => DeleteAsync(media, null, stop);

    /// <summary>The same, unless it was accessed at that time or later.</summary>
    internal async ValueTask<bool> DeleteAsync(MediaRow media, long? unusedSince, CancellationToken stop)
    {
        var deleted = new MediaDeleted(media, unusedSince);
        await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(deleted), stop);
        if (deleted.Applied && media.File is { } name
            && await TryDropAsync(name, CancellationToken.None))
        {
            await SettleAsync(name, CancellationToken.None);
        }

        return deleted.Applied;
    }

    /// <summary>
    /// Deletes a file that no URI has. False if that fails: what is noted as dropped is tried again.
    /// </summary>
    internal async ValueTask<bool> TryDropAsync(string name, CancellationToken stop)
    {
        try
        {
            await DropAsync(name, stop);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            NotDropped(name, fault.Message);
            return false;
        }
    }

    /// <summary>No lock: no URI gets a file that none has (<see cref="MediaCreated.SharesFile"/>).</summary>
    private async ValueTask DropAsync(string name, CancellationToken stop)
    {
        // Before the rows: once it is not among these, its row is there.
        if (_kept.ContainsKey(name)) return;
        var hash = StoredName.HashOf(name);
        var used = await _mediaTable.FilesAsync([hash], stop);
        if (used.Contains(name)) return;
        await _files.DeleteAsync(name, stop);
        if (used.Count == 0) _derived.Delete(hash);
    }

    /// <summary>Deletes the contents that a server left that stopped in the middle of a deletion.</summary>
    internal async ValueTask DropLeftAsync(CancellationToken stop)
    {
        var failed = new HashSet<string>(StringComparer.Ordinal);
        while (failed.Count <= MostFailures)
        {
            // Those that fail stay noted, and must not hide the others.
            var most = LeftAtOnce + failed.Count;
            var left = await _mediaTable.DroppedAsync(most, stop);
            var isNew = false;
            foreach (var name in left.Where(name => !failed.Contains(name)))
            {
                isNew = true;
                if (await TryDropAsync(name, stop))
                {
                    await SettleAsync(name, stop);
                }
                else
                {
                    failed.Add(name);
                }
            }

            if (!isNew || left.Count < most) return;
        }
    }

    /// <summary>The file of media, if it has the length that arrived.</summary>
    private async ValueTask<MediaFile?> FileOfAsync(MediaRow media, CancellationToken stop)
    {
        if (media.File is not { } name
            || await _files.OpenAsync(name, stop) is not { } file)
        {
            return null;
        }

        if (file.Length == media.Size) return file;
        Damaged(name, file.Length, media.Size);
        return null;
    }

    private async ValueTask SettleAsync(string name, CancellationToken stop) =>
        await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(new DroppedFileSettled(name)), stop);

    /// <summary>Keeps a content, and makes its URI durable. Returns whether the URI has it.</summary>
    /// <param name="file">The content.</param>
    /// <param name="media">The URI, without the name of the file.</param>
    /// <param name="isNew">Whether the URI is created, or gets its content.</param>
    /// <param name="more">A change that is written with it, perhaps twice; null for none.</param>
    internal async ValueTask<bool> KeepAsync(
        SpooledFile file, MediaRow media, bool isNew, CancellationToken stop, Change? more = null)
    {
        var damaged = new List<string>();
        foreach (var known in await _mediaTable.FilesAsync([file.Hash], stop))
        {
            if ((await _files.OpenAsync(known, stop))?.Length != file.Size)
            {
                damaged.Add(known);
                continue;
            }

            if (await WriteAsync(media with { StoredAs = known }, isNew, shares: true, damaged: [], more)) return true;

            // No URI gets a file again that none had: if one has it now, the file was not what it failed on.
            if ((await _mediaTable.FilesAsync([file.Hash], stop)).Contains(known)) return false;
        }

        return await KeepAsync(file, media with { StoredAs = StoredName.Draw(file.Hash) }, isNew, damaged, more, stop);
    }

    /// <summary>Keeps a content in a file of its own, also for the URIs whose files are damaged.</summary>
    private async ValueTask<bool> KeepAsync(
        SpooledFile file,
        MediaRow media,
        bool isNew,
        List<string> damaged,
        Change? more,
        CancellationToken stop)
    {
        var name = media.StoredAs!;
        bool isApplied;
        _kept[name] = true;
        try
        {
            await _files.KeepAsync(file, name, stop);
            isApplied = await WriteAsync(media, isNew, shares: false, damaged, more);
        }
        catch (StorageException fault) when (fault.Failure != StorageFailure.Doubtful)
        {
            _kept.TryRemove(name, out _);
            await TryDropAsync(name, CancellationToken.None);
            throw;
        }
        finally
        {
            _kept.TryRemove(name, out _);
        }

        if (!isApplied) await TryDropAsync(name, CancellationToken.None);
        foreach (var each in damaged)
        {
            if (await TryDropAsync(each, CancellationToken.None)) await SettleAsync(each, CancellationToken.None);
        }

        return isApplied;
    }

    /// <summary>Writes the URI. Not cancelled: the content would stay without one.</summary>
    private async ValueTask<bool> WriteAsync(
        MediaRow media, bool isNew, bool shares, List<string> damaged, Change? more)
    {
        ConditionalChange change = isNew
            ? new MediaCreated(media) { SharesFile = shares }
            : new MediaUploaded(media) { SharesFile = shares };
        var batch = new WriteBatch(Authority.Nobody, 2 + damaged.Count).Add(change);
        foreach (var each in damaged)
        {
            batch.Add(new MediaFileReplaced(media.FileHash!, each, media.StoredAs!));
        }

        if (more is not null) batch.Add(more);
        await _writer.WriteAsync(batch, CancellationToken.None);
        return change.Applied;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The content {Name} could not be deleted: {Reason}")]
    private partial void NotDropped(string name, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The content {Name} was damaged, and is not served: it has {Found} bytes and had {Expected}.")]
    private partial void Damaged(string name, long found, long expected);

    private async ValueTask<MediaFailure?> StoreAsync(
        Upload upload, string mediaId, bool isNew, CancellationToken stop)
    {
        var tooLarge = new MediaFailure(
            MediaFailureKind.TooLarge, $"A content has at most {_options.UploadBytes} bytes.");
        if (upload.Length > _options.UploadBytes) return tooLarge;

        using var slot = _slots.Take(upload.UserId, upload.Length ?? _options.UploadBytes);
        if (slot is null) return _busy;
        if (await CheckAsync(slot, isNew ? 0 : 1, stop) is { } failure) return failure;

        using var file = await _spool.ReceiveAsync(upload.Content, _options.UploadBytes, stop);
        if (file is null) return tooLarge;
        if (!await upload.MayStore(stop)) return _ended;

        var now = Now;
        var row = new MediaRow(
            _options.ServerName, mediaId, file.Hash, file.Size, upload.ContentType, upload.FileName, upload.UserId,
            now, now, null, false);
        if (await KeepAsync(file, row, isNew, stop)) return null;

        // Another upload to the URI was first, or the URI expired meanwhile.
        return await WhyNotFilledAsync(mediaId, upload.UserId, stop) ?? _unknown;
    }

    private async ValueTask<MediaFailure?> WhyNotFilledAsync(string mediaId, string userId, CancellationToken stop) =>
        await _mediaTable.FindAsync(_options.ServerName, mediaId, stop) switch
        {
            null => _unknown,
            { FileHash: null, ExpiresAt: { } end } when end <= Now => _unknown,
            { Uploader: var owner } when owner != userId =>
                new MediaFailure(MediaFailureKind.Forbidden, "You did not create this URI."),
            { FileHash: not null } => new MediaFailure(MediaFailureKind.AlreadyUploaded, "The URI has content."),
            _ => null,
        };

    /// <summary>Whether the user may have more: what runs at once counts too.</summary>
    /// <param name="known">The URIs of what runs that exist already.</param>
    private async ValueTask<MediaFailure?> CheckAsync(UploadSlots.Slot slot, int known, CancellationToken stop)
    {
        if (_options.UserBytes == 0)
        {
            return new MediaFailure(MediaFailureKind.Forbidden, "This server takes no uploads.");
        }

        var use = await _mediaTable.UseOfAsync(slot.UserId, stop);
        return use.Files + slot.Uploads - known > _options.UserFiles || use.Bytes + slot.AllBytes > _options.UserBytes
            ? new MediaFailure(MediaFailureKind.LimitReached, "You have uploaded as much as an account may.")
            : null;
    }
}

/// <summary>A URI without content.</summary>
/// <param name="ExpiresAt">When it ends; milliseconds since the epoch.</param>
public sealed record PendingMedia(string MediaId, long ExpiresAt);
