using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Users who deactivated their account and asked for erasure: users who join a room later see redacted copies of their
/// messages. Users who were joined before still see the messages. v1.19 client-server-api#account-deactivation
/// </summary>
/// <remarks>State events are not redacted. All erased users are in memory, about a hundred bytes each.</remarks>
public sealed class ErasedUsers : IRestoredConsumer
{
    private const int PageOfUsers = 1000;

    /// <summary>The most erased users who are looked for in a room; if there are more, one counts as found.</summary>
    private const int MostSought = 1000;

    private readonly ConcurrentDictionary<string, long> _since = new(StringComparer.Ordinal);
    private readonly MembershipHistory _history;
    private readonly IAccountsTable _accountsTable;
    private readonly TimeProvider _time;
    private volatile bool _any;

    internal ErasedUsers(MembershipHistory history, IAccountsTable accountsTable, TimeProvider time)
    {
        _history = history;
        _accountsTable = accountsTable;
        _time = time;
    }

    /// <summary>Loads the users who were erased before this start.</summary>
    public async ValueTask LoadAsync(CancellationToken stop)
    {
        var after = "";
        while (true)
        {
            var page = await _accountsTable.ListErasedAsync(after, PageOfUsers, stop);
            foreach (var user in page) Add(user.UserId, user.DeactivatedAt ?? 0);
            if (page.Count < PageOfUsers) return;
            after = page[^1].UserId;
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is UserDeactivated { Erase: true } erased)
        {
            Add(erased.UserId, _time.GetUtcNow().ToUnixTimeMilliseconds());
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        // Erasure is never undone, so known users stay valid.
    }

    /// <inheritdoc/>
    public ValueTask RestoreAsync(long after, long through, CancellationToken stop) => LoadAsync(stop);

    /// <summary>Events of one room, redacted where the reader may not see erased messages.</summary>
    internal async ValueTask<IReadOnlyList<StoredEvent>> HideAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> among, Viewer reader, CancellationToken stop)
    {
        if (!_any) return among;

        StoredEvent[]? shown = null;
        IReadOnlyList<StoredEvent>? memberships = null;
        for (var i = 0; i < among.Count; i++)
        {
            var stored = among[i];
            if (stored.IsRedacted || (stored.Row.Marks & EventMarks.State) != 0) continue;
            if (!_since.TryGetValue(stored.Row.Sender, out var since)) continue;

            memberships ??= await MembershipsAsync(room, among, reader, stop);
            if (CouldSee(memberships, stored.Nid, since)) continue;
            shown ??= [.. among];
            var redacted = room.Rules.Redact(stored.Pdu);
            shown[i] = new StoredEvent(room, stored.Row with { Json = redacted.Canonical }, redacted);
        }

        return shown ?? among;
    }

    /// <summary>
    /// Whether messages of a room may be redacted for the reader: an erased user was in it, and the reader joined after
    /// the erasure.
    /// </summary>
    internal async ValueTask<bool> MayHideAsync(
        RoomIdentity room, IMembershipsTable members, Viewer reader, CancellationToken stop)
    {
        if (!_any) return false;
        var latest = reader.State.Find(EventTypes.Member, reader.UserId) is { } entry
            ? await _history.JoinedAtAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop)
            : EventNid.None;
        if (latest.IsNone) return true;
        var join = await _history.BackAsync(room, latest, static _ => true, stop);
        var since = join.Count > 0 ? join[0].OriginServerTs : long.MaxValue;
        var before = _since.Where(each => each.Value <= since).Select(static each => each.Key).Take(MostSought + 1)
            .ToArray();
        return before.Length > MostSought
            || (before.Length > 0
                && (await members.FindManyAsync(room.Nid, before, stop)).Count > 0);
    }

    /// <summary>When a user was erased; null if they were not.</summary>
    internal long? ErasedAt(string userId) => _any && _since.TryGetValue(userId, out var since) ? since : null;

    /// <summary>
    /// Whether the reader was joined when the event was sent, or joined after it and before the erasure.
    /// </summary>
    private static bool CouldSee(IReadOnlyList<StoredEvent> memberships, EventNid nid, long erasedAt) =>
        MembershipHistory.MembershipAt(memberships, nid) == "join"
        || memberships.Any(member =>
            member.Nid.Value > nid.Value
                && member.OriginServerTs < erasedAt
                && member.Membership == "join");

    private async ValueTask<IReadOnlyList<StoredEvent>> MembershipsAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> among, Viewer reader, CancellationToken stop)
    {
        if (reader.State.Find(EventTypes.Member, reader.UserId) is not { } latest) return [];
        var oldest = among.Min(stored => stored.Nid.Value);
        return await _history.BackAsync(
            room,
            EventNid.Of(room.Nid, latest.Ordinal),
            member => member.Nid.Value <= oldest,
            stop);
    }

    private void Add(string userId, long at)
    {
        _since.TryAdd(userId, at);
        _any = true;
    }
}
