using Matrix.Core.Policy;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Policies;

/// <summary>A policy list that the server follows.</summary>
/// <param name="RoomId">Its room.</param>
/// <param name="IsJoined">Whether a user of this server is in the room, so that changes come here.</param>
/// <param name="Rules">What it says.</param>
public sealed record FollowedList(string RoomId, bool IsJoined, IReadOnlyList<PolicyRule> Rules);

/// <summary>
/// The rules of the policy lists that the operator subscribes the server to, in memory. A rule takes effect with the
/// commit of its event: whoever asks after it reads the changed entries of the room's state first.
/// v1.19 client-server-api#moderation-policy-lists
/// </summary>
public sealed partial class PolicyLists : IChangeConsumer, IDisposable
{
    private const int ReadAtOnce = 1000;

    private readonly RoomSnapshots _rooms;
    private readonly EventStore _events;
    private readonly BlockedRoomsTable _blocked;
    private readonly RoomsOptions _options;
    private readonly ILogger<PolicyLists> _log;
    private readonly HashSet<string> _lists;
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>The rules by their events, null for events that are none. Used in turn.</summary>
    private Dictionary<EventNid, PolicyRule?> _known = [];

    private volatile PolicyRules _rules = PolicyRules.Empty;

    // Counts changes of the rooms. The rules are those after the change that was read last.
    private long _changed = 1;
    private long _read;

    /// <summary>1 if events may have changed that were read before.</summary>
    private int _stale;

    internal PolicyLists(
        RoomSnapshots rooms,
        EventStore events,
        BlockedRoomsTable blocked,
        RoomsOptions options,
        ILogger<PolicyLists> log)
    {
        _blocked = blocked;
        _rooms = rooms;
        _events = events;
        _options = options;
        _log = log;
        _lists = [.. options.Policies.Rooms];
    }

    /// <summary>Whether the server follows no list.</summary>
    public bool IsEmpty => _lists.Count == 0;

    /// <summary>The rules now.</summary>
    public ValueTask<PolicyRules> RulesAsync(CancellationToken stop) =>
        _lists.Count == 0 || Volatile.Read(ref _changed) == Volatile.Read(ref _read)
            ? new(_rules)
            : ReadAsync(stop);

    /// <summary>The lists that the server follows, each with its rules.</summary>
    public async ValueTask<IReadOnlyList<FollowedList>> ListsAsync(CancellationToken stop)
    {
        await RulesAsync(stop);
        await _turn.WaitAsync(stop);
        try
        {
            var byRoom = _known.Where(static known => known.Value is not null)
                .ToLookup(static known => known.Key.Room, static known => known.Value!);
            var lists = new List<FollowedList>();
            foreach (var roomId in _options.Policies.Rooms)
            {
                var snapshot = await _rooms.FindAsync(roomId, stop);
                lists.Add(new FollowedList(
                    roomId,
                    snapshot is { IsResident: true },
                    snapshot is null ? [] : [.. byRoom[snapshot.Room.Nid]]));
            }

            return lists;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The rule that matches a server; null if none does, or it is this one.</summary>
    public async ValueTask<PolicyRule?> OfServerAsync(string server, CancellationToken stop) =>
        server == _options.ServerName
            ? null
            : (await RulesAsync(stop)).FindServer(server);

    /// <summary>The rule that matches a user, or the server of a user of another one; null if none does.</summary>
    public async ValueTask<PolicyRule?> OfUserAsync(string userId, CancellationToken stop)
    {
        var rules = await RulesAsync(stop);
        if (rules.Count == 0) return null;
        var server = RoomNames.ServerOf(userId);
        return rules.FindUser(userId) ?? (server == _options.ServerName ? null : rules.FindServer(server));
    }

    /// <summary>Why a user may not invite another to a room; null if they may.</summary>
    public async ValueTask<RoomFailure?> RefusedInviteAsync(
        string sender, string userId, string? roomId, CancellationToken stop)
    {
        if (roomId is not null && await BlockAsync(roomId, stop) is { } block) return block;
        if ((await RulesAsync(stop)).Count == 0) return null;
        return Refusal(roomId is null ? null : await OfRoomAsync(roomId, stop), "the room")
            ?? Refusal(await OfUserAsync(sender, stop), sender)
            ?? Refusal(await OfUserAsync(userId, stop), userId);
    }

    /// <summary>
    /// Why a user may not join a room, or knock on it, by its id or alias; null if they may. The block of a room
    /// concerns this server's users: others join through whatever server they like.
    /// </summary>
    public async ValueTask<RoomFailure?> RefusedJoinAsync(string userId, string room, CancellationToken stop)
    {
        if (RoomNames.ServerOf(userId) == _options.ServerName
            && await BlockAsync(room, stop) is { } block) return block;
        if ((await RulesAsync(stop)).Count == 0) return null;
        return Refusal(await OfRoomAsync(room, stop), "the room")
            ?? Refusal(await OfUserAsync(userId, stop), userId);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case RoomDeleted deleted when _lists.Contains(deleted.Room.RoomId):
                Missed(position);
                break;
            case RoomAdvanced advanced when _lists.Contains(advanced.Room.RoomId):
                Interlocked.Increment(ref _changed);
                break;
            case EventRedacted redacted when _lists.Contains(redacted.Redacted.Room.RoomId):
                Missed(position);
                break;
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        // The content of events may have changed: all of them are read again.
        Volatile.Write(ref _stale, 1);
        Interlocked.Increment(ref _changed);
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    /// <summary>The refusal of a room that an administrator blocked; null if none did.</summary>
    private async ValueTask<RoomFailure?> BlockAsync(string roomId, CancellationToken stop) =>
        await _blocked.FindAsync(roomId, stop) is null ? null : _block;

    private static readonly RoomFailure _block = new(
        RoomFailureKind.PolicyList, "An administrator of this server has blocked the room.");

    private static RoomFailure? Refusal(PolicyRule? rule, string what) => rule is null
        ? null
        : new RoomFailure(
            RoomFailureKind.PolicyList,
            rule.Reason.Length == 0
                ? $"A policy list of this server refuses {what}."
                : $"A policy list of this server refuses {what}: {rule.Reason}");

    private async ValueTask<PolicyRule?> OfRoomAsync(string room, CancellationToken stop) =>
        (await RulesAsync(stop)).FindRoom(room);

    private async ValueTask<PolicyRules> ReadAsync(CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            var changed = Volatile.Read(ref _changed);
            if (changed == _read) return _rules;
            if (Interlocked.Exchange(ref _stale, 0) == 1) _known.Clear();
            var known = new Dictionary<EventNid, PolicyRule?>();
            foreach (var roomId in _options.Policies.Rooms)
            {
                if (await _rooms.FindAsync(roomId, stop) is not { } snapshot) continue;
                await ReadAsync(snapshot, known, stop);
            }

            var rules = known.Values.OfType<PolicyRule>().ToArray();
            if (rules.Length > _options.Policies.MaxRules) TooMany(rules.Length, _options.Policies.MaxRules);
            _known = known;
            _rules = PolicyRules.Of([.. rules.Take(_options.Policies.MaxRules)]);
            Volatile.Write(ref _read, changed);
            return _rules;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Reads the rules of a room; only the events that were not read before.</summary>
    private async ValueTask ReadAsync(
        RoomSnapshot snapshot, Dictionary<EventNid, PolicyRule?> known, CancellationToken stop)
    {
        var missing = new List<EventNid>();
        foreach (var entry in PolicyRule.EventTypes.SelectMany(snapshot.State.OfType))
        {
            var nid = EventNid.Of(snapshot.Room.Nid, entry.Ordinal);
            if (_known.TryGetValue(nid, out var rule)) known[nid] = rule;
            else missing.Add(nid);
        }

        foreach (var some in missing.Chunk(ReadAtOnce))
        {
            var found = await _events.ByNumberAsync(snapshot.Room, some, stop);
            foreach (var nid in some)
            {
                known[nid] = found.TryGetValue(nid, out var stored)
                    ? PolicyRule.Of(stored.Pdu.Type, stored.Pdu.Content)
                    : null;
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The policy lists have {Count} rules; only {Most} of them are followed (policy_lists.rules).")]
    private partial void TooMany(int count, int most);
}
