using System.Threading.Channels;
using Matrix.Core.Presence;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Memberships;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// The presence of other servers' users who share no room with a local user yet. A server sends it soon after a join,
/// and this one may not have stored the join by then. It is kept for a short time, and shown if the join comes; servers
/// repeat presence only much later. What came before the server's shard was opened here is not shown. Thread-safe.
/// </summary>
public sealed partial class EarlyPresence(
    PresenceBoard board,
    IMembershipsTable membershipsTable,
    ShardGates gates,
    PresenceOptions options,
    TimeProvider time,
    ILogger<EarlyPresence> log) : BackgroundService
{
    /// <summary>The first pause before a user is looked up again; each further one is twice as long.</summary>
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Early> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _ofServer = new(StringComparer.Ordinal);
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>The number of users whose presence is kept.</summary>
    public int Count
    {
        get { lock (_gate) return _users.Count; }
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Keeps what a server says about its user. What does not find space is dropped.</summary>
    /// <param name="opening">The opening of the server's shard, which the caller has entered.</param>
    internal void Keep(string server, PresenceUpdate update, long opening)
    {
        var now = Now;
        lock (_gate)
        {
            if (!_users.ContainsKey(update.UserId))
            {
                var ofServer = _ofServer.GetValueOrDefault(server);
                if (_users.Count >= options.MaxEarly || ofServer >= options.MaxEarly / 10) return;
                _ofServer[server] = ofServer + 1;
            }

            var pause = (long)_firstPause.TotalMilliseconds;
            _users[update.UserId] = new Early(server, update, opening, now, now + pause, pause);
        }

        _news.Writer.TryWrite(true);
    }

    /// <summary>Later presence of the user was shown.</summary>
    internal void Forget(string userId)
    {
        lock (_gate) Remove(userId);
    }

    /// <summary>Shows the kept presence of users who joined, until it is stopped. Sleeps while none is kept.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ShowAsync(stoppingToken);
        }
#pragma warning disable CA1031 // The server serves without it: servers repeat presence.
        catch (Exception fault) when (fault is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogEnded(fault);
        }
    }

    private async Task ShowAsync(CancellationToken stop)
    {
        while (true)
        {
            await _news.Reader.ReadAsync(stop);
            while (Count > 0)
            {
                await Task.Delay(_firstPause, time, stop);
                try
                {
                    await ReadAsync(stop);
                }
                catch (StorageException fault) when (!stop.IsCancellationRequested)
                {
                    LogFailed(fault);
                }
            }
        }
    }

    /// <summary>Looks up the users who are due, and drops those who were kept for too long.</summary>
    internal async ValueTask ReadAsync(CancellationToken stop)
    {
        var due = TakeDue();
        if (due.Count == 0) return;
        var shared = await membershipsTable.SharedRoomsAsync(due, stop);
        var now = Now;
        foreach (var userId in shared.Select(static row => row.UserId).Distinct())
        {
            Early? early;
            lock (_gate) early = Remove(userId);
            if (early is null || !gates.TryEnter(Authority.Server(early.Server), out var visit)) continue;
            using var inside = visit;
            if (visit.Opening != early.Opening) continue;
            board.Receive(early.Update.After(now - early.At, ReceivedPresence.LongestAgo));
        }
    }

    private HashSet<string> TakeDue()
    {
        var now = Now;
        var due = new HashSet<string>(StringComparer.Ordinal);
        lock (_gate)
        {
            foreach (var (userId, early) in _users.ToArray())
            {
                if (now - early.At > (long)options.EarlyFor.TotalMilliseconds)
                {
                    Remove(userId);
                }
                else if (early.NextAt <= now)
                {
                    due.Add(userId);
                    _users[userId] = early with { NextAt = now + (early.Pause * 2), Pause = early.Pause * 2 };
                }
            }
        }

        return due;
    }

    private Early? Remove(string userId)
    {
        if (!_users.Remove(userId, out var early)) return null;
        var left = _ofServer[early.Server] - 1;
        if (left > 0) _ofServer[early.Server] = left;
        else _ofServer.Remove(early.Server);
        return early;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Presence that came before its user could not be looked up; the server will retry")]
    private partial void LogFailed(Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Changes of presence are not shown any more")]
    private partial void LogEnded(Exception fault);

    /// <summary>What is kept of a user: since when, when the user is looked up next, the pause before.</summary>
    private sealed record Early(
        string Server, PresenceUpdate Update, long Opening, long At, long NextAt, long Pause);
}
