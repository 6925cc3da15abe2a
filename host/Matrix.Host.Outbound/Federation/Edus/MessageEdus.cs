using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OutboundMessages;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// Messages to devices of other servers' users. They are in the database until the server has taken them; memory has a
/// place for each server that messages wait for. Server-Server API, "Send-to-device messaging".
/// </summary>
internal sealed class MessageEdus(IStorage storage, OutboundOptions options, OutboundMetrics metrics)
    : IEduSource, IChangeConsumer
{
    private const int ServersAtOnce = 1000;

    private readonly Lock _gate = new();
    private readonly News _missed = new();
    private readonly Dictionary<string, Waiting> _waiting = new(StringComparer.Ordinal);
    private Func<string, bool> _maySendTo = static _ => false;
    private IEduDestinations? _destinations;

    /// <inheritdoc/>
    public void Attach(IEduDestinations destinations) => _destinations = destinations;

    /// <inheritdoc/>
    public async ValueTask LoadAsync(Func<string, bool> maySendTo, CancellationToken stop)
    {
        _maySendTo = maySendTo;
        var after = "";
        while (true)
        {
            var through = storage.Writer.PublishedPosition;
            var servers = await storage.OutboundMessages.ServersAsync(after, ServersAtOnce, stop).ConfigureAwait(false);
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
        while (true)
        {
            await _missed.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                await LoadAsync(_maySendTo, stop).ConfigureAwait(false);
            }
            catch
            {
                _missed.Wake();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        if (change is MessageOwed owed) Wait(owed.ServerName, position);
    }

    /// <inheritdoc/>
    public void Missed(long through) => _missed.Wake();

    /// <inheritdoc/>
    public bool HasFor(string server)
    {
        lock (_gate) return _waiting.TryGetValue(server, out var waiting) && waiting.HasMore;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(string server, int most, CancellationToken stop)
    {
        MessagePlace after;
        long latest;
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting)) return [];
            (after, latest) = (waiting.Taken, waiting.Latest);
        }

        var rows = await storage.OutboundMessages.NextAsync(
            server, after, most, options.MaxMessageBytes, stop).ConfigureAwait(false);
        if (rows.Count == 0) End(server, latest);
        return [.. rows.Select(static row => new MessageEdu(row.Json, row.Place))];
    }

    /// <inheritdoc/>
    public void Remove(string server, IReadOnlyList<OutboundEdu> edus)
    {
        if (edus is not [.., MessageEdu { Place: var through }]) return;
        lock (_gate)
        {
            if (!_waiting.TryGetValue(server, out var waiting)) return;
            waiting.Taken = through;
            waiting.IsDeleted = false;
        }

        try
        {
            storage.Writer.Post(new WriteBatch(1)
            {
                OnCommitted = (_, _) => Deleted(server, through),
                OnFailed = (_, _) => metrics.RecordingFailed(),
            }.Add(new MessagesTaken(server, through)));
        }
        catch (StorageException)
        {
            // They are deleted with the next ones. After a restart they are sent again, and the server knows their ids.
            metrics.RecordingFailed();
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

    private sealed record MessageEdu(ReadOnlyMemory<byte> Json, MessagePlace Place) : OutboundEdu(Json);
}
