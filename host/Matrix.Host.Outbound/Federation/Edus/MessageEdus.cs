using Matrix.Core.Federation;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// Messages to devices of other servers' users. They are in the database until the server has taken them; memory has a
/// place for each server that messages wait for. Those that wait for too long expire.
/// v1.19 server-server-api#send-to-device-messaging
/// </summary>
internal sealed partial class MessageEdus(
    OutboundMessagesTable outboundMessagesTable,
    IStorageWriter writer,
    OutboundOptions options,
    OutboundMetrics metrics,
    TimeProvider time,
    ServerFilter filter,
    ILogger<MessageEdus> log)
    : IEduSource, IChangeConsumer
{
    private const int ServersAtOnce = 1000;

    /// <summary>The bounds of the time between two looks for expired messages.</summary>
    private static readonly TimeSpan _shortestSweepPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestSweepPause = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly News _news = new();
    private readonly Dictionary<string, Waiting> _waiting = new(StringComparer.Ordinal);
    private IEduDestinations? _destinations;
    private int _isMissed;

    /// <inheritdoc/>
    public void Attach(IEduDestinations destinations) => _destinations = destinations;

    /// <inheritdoc/>
    public async ValueTask LoadAsync(Func<string, bool> maySendTo, CancellationToken stop)
    {
        var after = "";
        while (true)
        {
            var through = writer.PublishedPosition;
            var servers = await outboundMessagesTable.ServersAsync(after, ServersAtOnce, stop);
            foreach (var server in servers)
            {
                // A server that is excluded keeps its messages for when it is allowed again.
                if (maySendTo(server)) Wait(server, through);
            }

            if (servers.Count < ServersAtOnce) return;
            after = servers[^1];
        }
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stop)
    {
        var pause = options.MessageTime / 10 < _longestSweepPause ? options.MessageTime / 10 : _longestSweepPause;
        if (pause < _shortestSweepPause) pause = _shortestSweepPause;
        using var timer = time.CreateTimer(_ => _news.Wake(), null, pause, pause);
        while (true)
        {
            if (Interlocked.Exchange(ref _isMissed, 0) != 0)
            {
                try
                {
                    await LoadAsync(server => filter.Allows(server) && _destinations!.IsHere(server), stop);
                }
                catch
                {
                    Volatile.Write(ref _isMissed, 1);
                    throw;
                }
            }

            await ExpireAsync(stop);
            await _news.WaitAsync(stop);
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is MessageEnqueued pending && _destinations?.IsHere(pending.ServerName) == true)
        {
            Wait(pending.ServerName, position);
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        Volatile.Write(ref _isMissed, 1);
        _news.Wake();
    }

    /// <inheritdoc/>
    public void Drop(Func<string, bool> isOf)
    {
        lock (_gate)
        {
            foreach (var server in _waiting.Keys.Where(isOf).ToArray()) _waiting.Remove(server);
        }
    }

    /// <inheritdoc/>
    public bool HasFor(string server)
    {
        lock (_gate) return _waiting.TryGetValue(server, out var waiting) && waiting.HasMore;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
        string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop)
    {
        MessagePlace after;
        long latest;
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting)) return [];
            (after, latest) = (waiting.Taken, waiting.Latest);
        }

        var places = PlacesOf(deferred);
        while (true)
        {
            var rows = await outboundMessagesTable.NextAsync(server, after, most, options.MaxMessageBytes, stop);
            if (rows.Count == 0) End(server, latest);
            IReadOnlyList<OutboundEdu> edus =
                [.. rows.Where(row => !places.Contains(row.Place)).Select(row => new MessageEdu(row.Json, row.Place))];
            if (rows.Count == 0 || edus.Count > 0) return edus;
            after = rows[^1].Place;
        }
    }

    /// <inheritdoc/>
    public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred)
    {
        if (edus is not [.., MessageEdu { Place: var last }]) return;
        MessagePlace through;
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting)) _waiting[server] = waiting = new Waiting();

            // A message that was deferred comes after later ones.
            if (waiting.Taken < last) waiting.Taken = last;
            through = waiting.Taken;
            waiting.IsDeleted = false;
        }

        try
        {
            writer.Post(new WriteBatch(Authority.Server(server), 1)
            {
                OnCommitted = (_, _) => Deleted(server, through),
                OnFailed = (_, _) => metrics.RecordingFailed(),
            }.Add(new MessagesTaken(server, through)
            {
                Except = [.. PlacesOf(deferred).Where(each => each < through)],
            }));
        }
        catch (StorageException)
        {
            // They are deleted with the next ones. After a restart they are sent again, and the server knows their ids.
            metrics.RecordingFailed();
        }
    }

    private static HashSet<MessagePlace> PlacesOf(IReadOnlyList<OutboundEdu> edus) =>
        edus.OfType<MessageEdu>().Select(static edu => edu.Place).ToHashSet();

    /// <summary>
    /// Deletes messages that have waited too long, also for servers that are excluded. Each node does it for its own.
    /// </summary>
    private async ValueTask ExpireAsync(CancellationToken stop)
    {
        var before = (time.GetUtcNow() - options.MessageTime).ToUnixTimeMilliseconds();
        var after = "";
        while (true)
        {
            var servers = await outboundMessagesTable.ServersAsync(after, ServersAtOnce, stop);
            foreach (var server in servers)
            {
                if (!_destinations!.IsHere(server)) continue;
                var count = await outboundMessagesTable.CountStoredBeforeAsync(server, before, stop);
                if (count == 0) continue;
                var batch = new WriteBatch(Authority.Server(server), 1).Add(new MessagesExpired(server, before));
                await writer.WriteAsync(batch, stop);
                metrics.MessagesExpired(count);
                LogExpired(server, count);
            }

            if (servers.Count < ServersAtOnce) return;
            after = servers[^1];
        }
    }

    private void Wait(string server, long position)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting)) _waiting[server] = waiting = new Waiting();
            waiting.HasMore = true;
            waiting.Latest = position;
        }

        _destinations?.Notify(server);
    }

    /// <summary>No messages wait for a server, unless some came since the position.</summary>
    private void End(string server, long latest)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting) || waiting.Latest != latest) return;
            waiting.HasMore = false;
            if (waiting.IsDeleted) _waiting.Remove(server);
        }
    }

    private void Deleted(string server, MessagePlace through)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting) || waiting.Taken != through) return;
            waiting.IsDeleted = true;
            if (!waiting.HasMore) _waiting.Remove(server);
        }
    }

    /// <summary>What memory has of a server's messages.</summary>
    private sealed class Waiting
    {
        /// <summary>Whether messages may wait after the place.</summary>
        internal bool HasMore { get; set; }

        /// <summary>The position of the latest message.</summary>
        internal long Latest { get; set; }

        /// <summary>The messages up to this place were taken.</summary>
        internal MessagePlace Taken { get; set; }

        /// <summary>
        /// Whether all messages that were taken are deleted. Until then the place may not be dropped.
        /// </summary>
        internal bool IsDeleted { get; set; } = true;
    }

    private sealed record MessageEdu(ReadOnlyMemory<byte> Json, MessagePlace Place) : OutboundEdu(Json)
    {
        internal override object Key => Place;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Count} EDUs with messages to devices were dropped: {Server} has not taken them in time")]
    private partial void LogExpired(string server, long count);
}
