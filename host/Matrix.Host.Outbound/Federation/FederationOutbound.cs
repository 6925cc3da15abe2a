using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Outbound.Shards;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Sends events to other servers. v1.19 server-server-api#transactions. What could not be sent when it stops is sent
/// after the next start.
/// </summary>
public sealed partial class FederationOutbound : IHostedService, IAsyncDisposable
{
    private readonly OutboundEventFeed _feed;
    private readonly RoomServers _rooms;
    private readonly Destinations _destinations;
    private readonly EduSources _edus;
    private readonly TypingEdus _typing;
    private readonly Recorder _recorder;
    private readonly SendQueue _queue;
    private readonly ShardGates _gates;
    private readonly ShardMoves _moves = new();
    private readonly OutboundOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private Task? _following;
    private Task? _recording;
    private Task? _gathering;
    private bool _isLoaded;

    internal FederationOutbound(
        OutboundEventFeed feed,
        RoomServers rooms,
        Destinations destinations,
        EduSources edus,
        TypingEdus typing,
        Recorder recorder,
        SendQueue queue,
        ShardGates gates,
        OutboundMetrics metrics,
        OutboundOptions options,
        TimeProvider time,
        ILogger<FederationOutbound> log)
    {
        _feed = feed;
        _rooms = rooms;
        _destinations = destinations;
        _edus = edus;
        _typing = typing;
        _recorder = recorder;
        _queue = queue;
        _gates = gates;
        _options = options;
        _time = time;
        _log = log;
        feed.Handle = new Distributor(rooms, destinations, feed).HandleAsync;
        feed.Restarted = rooms.Clear;
        feed.Between = _moves.HandleAsync;
        _moves.Wake = feed.Interrupt;
        _moves.Came = CameAsync;
        _moves.Goes = GoesAsync;
        metrics.Watch(
            () => queue.Ready, () => queue.Waiting, () => queue.Sending, () => feed.Waiting, () => rooms.CachedBytes);
    }

    /// <summary>The servers in memory.</summary>
    internal Destinations Destinations => _destinations;

    /// <summary>
    /// The servers that are owed events or do not answer, and some that were sent to lately, by name.
    /// </summary>
    public IReadOnlyList<KnownServer> Known => _destinations.States;

    /// <summary>What waits to be sent now.</summary>
    public OutboundLoad Load => new(_queue.Sending, _queue.Ready, _queue.Waiting, _feed.Waiting);

    /// <summary>Starts to send.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_following is null)
        {
            _gates.Hold(_moves);
            _following = Task.Run(() => FollowAsync(_stop.Token), CancellationToken.None);
        }

        return Task.CompletedTask;
    }

    /// <summary>A server sent an authenticated request. If it did not answer before, it is tried again.</summary>
    public void Wake(string server) => _destinations.Wake(server);

    /// <summary>
    /// Tries a server again that did not answer, as if it had sent a request. Returns why the attempt failed, "" if it
    /// succeeded; null if no attempt was waiting.
    /// </summary>
    /// <param name="server">The server.</param>
    /// <param name="stop">Ends the wait for the attempt, not the attempt.</param>
    public Task<string?> RetryAsync(string server, CancellationToken stop) => _destinations.RetryAsync(server, stop);

    /// <summary>A local user types in a room, or stopped.</summary>
    public void TypingChanged(RoomNid room, string userId, bool isTyping) => _typing.Set(room, userId, isTyping);

    /// <summary>Stops sending, and records what is pending.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_following is null || _stop.IsCancellationRequested) return;
        await _queue.StopAsync();
        await _stop.CancelAsync();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_recording is not null) await _recording.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_gathering is not null) await _gathering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_isLoaded)
        {
            _moves.End();
            return;
        }

        try
        {
            await _recorder.RecordAsync(all: true, cancellationToken);
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // The next start reads the changes since the last record.
            LogNotRecorded(fault);
        }

        _moves.End();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        _stop.Dispose();
        _queue.Dispose();
        _feed.Dispose();
        _recorder.Dispose();
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        var position = 0L;
        var failures = 0;
        while (true)
        {
            var started = _time.GetTimestamp();
            try
            {
                if (!_isLoaded)
                {
                    position = await _recorder.LoadAsync(stop);
                    _isLoaded = true;
                    _queue.Start();
                    _recording = Task.Run(() => _recorder.RunAsync(stop), stop);
                    _gathering = Task.WhenAll(
                        _edus.All.Select(source => Task.Run(() => GatherAsync(source, stop), stop)));
                }

                await _feed.RunAsync(position, stop);
            }
            catch (StorageException fault) when (fault.Failure == StorageFailure.Closed)
            {
                // The server did not start.
                return;
            }
#pragma warning disable CA1031 // Every failure is retried: no event is left out.
            catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                LogFailed(fault);
                if (_time.GetElapsedTime(started) > _options.LongestReadPause) failures = 0;
                var pause = Math.Min(Math.Pow(2, failures++), _options.LongestReadPause.TotalSeconds);
                await Task.Delay(TimeSpan.FromSeconds(pause), _time, stop);
            }
        }
    }

    /// <summary>Begins to send to the servers of shards.</summary>
    private async ValueTask CameAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        var handled = _feed.HandledThrough;
        var positions = await _recorder.PositionsAsync(shards, stop);
        _destinations.Shards.Reach(handled);
        await _destinations.LoadAsync(positions, _rooms.MaySendTo, stop);
        _feed.ReadAgain(positions.Values.Min());

        // Not before the feed has gone back: a record would take the shards for level.
        await _recorder.BeginAsync(positions, handled, stop);
    }

    /// <summary>Ends to send to the servers of shards: what they are owed is recorded.</summary>
    private async ValueTask GoesAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        await _recorder.EndAsync(shards, stop);
        _destinations.Drop(shards);
    }

    /// <summary>Runs a source of EDUs, again after a pause if it fails.</summary>
    private async Task GatherAsync(IEduSource source, CancellationToken stop)
    {
        for (var failures = 0; ; failures++)
        {
            try
            {
                await source.RunAsync(stop);
                return;
            }
#pragma warning disable CA1031 // Every failure is retried.
            catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                LogEdusFailed(fault, source.GetType().Name);
                var pause = Math.Min(Math.Pow(2, failures), _options.LongestReadPause.TotalSeconds);
                await Task.Delay(TimeSpan.FromSeconds(pause), _time, stop);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "EDUs for other servers could not be gathered ({Source}); the server will retry")]
    private partial void LogEdusFailed(Exception fault, string source);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The changes for other servers could not be read; the server will retry")]
    private partial void LogFailed(Exception fault);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "What other servers are owed could not be recorded; the next start reads the changes again")]
    private partial void LogNotRecorded(Exception fault);
}
