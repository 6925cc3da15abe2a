using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>Members of an event's `unsigned` that are not in its row.</summary>
public readonly record struct EventExtras
{
    /// <summary>The id of the state event that the event replaced.</summary>
    public string? ReplacesState { get; init; }

    /// <summary>That event's content, if the reader may see it.</summary>
    public ReadOnlyMemory<byte> PrevContent { get; init; }

    /// <summary>The reader's membership at the event.</summary>
    public string? Membership { get; init; }

    /// <summary>The event's redaction, if the reader may see it.</summary>
    public StoredEvent? RedactedBecause { get; init; }

    /// <summary>The bundled aggregations: a JSON object, or empty.</summary>
    public ReadOnlyMemory<byte> Relations { get; init; }
}

/// <summary>Writes events in the format of clients. v1.19 client-server-api#room-event-format</summary>
public sealed class ClientEvents(
    EventStore events, ReplacedState replaced, MembershipHistory members, Visibility visibility, TimeProvider time)
{
    /// <summary>
    /// The most replaced state events whose visibility is checked; the content of others is left out.
    /// </summary>
    private const int MostReplaced = 256;

    /// <summary>
    /// The extras of events of one room, in the same order: replaced state events and redactions. At most two queries
    /// for all of them. Every reader gets the id of a replaced state event; its content only readers who may see it.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="among">The events.</param>
    /// <param name="history">The reader's memberships, back to the first of the events.</param>
    /// <param name="scope">The part of the room that the reader sees.</param>
    public async ValueTask<EventExtras[]> ExtrasAsync(
        RoomIdentity room,
        IReadOnlyList<StoredEvent> among,
        IReadOnlyList<StoredEvent> history,
        ViewScope scope,
        CancellationToken stop)
    {
        await replaced.LearnAsync(room.Nid, among, stop);
        HashSet<EventNid>? wanted = null;
        HashSet<EventNid>? redactions = null;
        for (var i = 0; i < among.Count; i++)
        {
            if (among[i].Replaces is { IsNone: false } before) (wanted ??= []).Add(before);
            if (KnowsOfRedaction(among[i], scope)) (redactions ??= []).Add(among[i].Row.RedactedBy);
        }

        var (others, hidden) = wanted is null
            ? (_none, _noneHidden)
            : await ReplacedAsync(room, among, wanted, history, scope.Viewer, stop);
        var because = redactions is null
            ? _none
            : await RedactionsAsync(room, redactions, scope.Viewer, stop);

        var extras = new EventExtras[among.Count];
        for (var i = 0; i < extras.Length; i++)
        {
            var stored = among[i];
            var before = stored.Replaces is { IsNone: false } nid ? others.GetValueOrDefault(nid) : null;
            extras[i] = new EventExtras
            {
                ReplacesState = before?.EventId,
                PrevContent = before is null || hidden.Contains(before.Nid)
                    ? default
                    : ClientEvent.Content(before.Row.Json),
                RedactedBecause = stored.IsRedacted ? because.GetValueOrDefault(stored.Row.RedactedBy) : null,
                Membership = MembershipHistory.MembershipAt(history, stored.Nid),
            };
        }

        return extras;
    }

    /// <summary>
    /// The extras of state events of one room, in the same order: the id of the event that each replaced, and the
    /// reader's membership at it. At most two queries for all of them.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="state">The events.</param>
    /// <param name="member">The reader's member event at the latest of them, or a later one.</param>
    public async ValueTask<EventExtras[]> StateExtrasAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> state, EventNid member, CancellationToken stop)
    {
        if (state.Count == 0) return [];
        await replaced.LearnAsync(room.Nid, state, stop);
        var ids = await IdsAsync(state, stop);
        var membershipAt = await members.MembershipsAsync(room, member, state, stop);
        var extras = new EventExtras[state.Count];
        for (var i = 0; i < extras.Length; i++)
        {
            extras[i] = new EventExtras
            {
                ReplacesState = state[i].Replaces is { IsNone: false } before ? ids?.GetValueOrDefault(before) : null,
                Membership = membershipAt(state[i].Nid),
            };
        }

        return extras;
    }

    /// <summary>The ids of the events that these replaced; null if there are none.</summary>
    private async ValueTask<Dictionary<EventNid, string>?> IdsAsync(
        IReadOnlyList<StoredEvent> state, CancellationToken stop)
    {
        Dictionary<EventNid, string>? ids = null;
        List<EventNid>? asked = null;
        for (var i = 0; i < state.Count; i++)
        {
            if (state[i].Replaces is not { IsNone: false } before) continue;
            ids ??= [];
            if (events.Known(before) is { } known) ids[before] = known.EventId;
            else (asked ??= []).Add(before);
        }

        if (asked is null) return ids;
        foreach (var (nid, id) in await events.IdsAsync(asked, stop)) ids![nid] = id;
        return ids;
    }

    /// <summary>Readers who left do not see redactions that were sent later.</summary>
    private static bool KnowsOfRedaction(StoredEvent stored, ViewScope scope) =>
        stored.IsRedacted && (scope.Viewer.IsJoined || stored.Row.RedactedBy.Value <= scope.Through.Value);

    private static readonly IReadOnlyDictionary<EventNid, StoredEvent> _none = new Dictionary<EventNid, StoredEvent>();
    private static readonly HashSet<EventNid> _noneHidden = [];

    /// <summary>The wanted redactions that the reader may see by the room's history visibility.</summary>
    private async ValueTask<IReadOnlyDictionary<EventNid, StoredEvent>> RedactionsAsync(
        RoomIdentity room, IReadOnlyCollection<EventNid> wanted, Viewer reader, CancellationToken stop)
    {
        var found = await events.GetManyAsync(room, wanted, stop);
        return (await visibility.FilterAsync(room, found, reader, stop))
            .ToDictionary(stored => stored.Nid);
    }

    /// <summary>The wanted replaced state events, and those of them that the reader may not see.</summary>
    private async ValueTask<(IReadOnlyDictionary<EventNid, StoredEvent> Others, HashSet<EventNid> Hidden)>
        ReplacedAsync(
        RoomIdentity room,
        IReadOnlyList<StoredEvent> among,
        IReadOnlyCollection<EventNid> wanted,
        IReadOnlyList<StoredEvent> history,
        Viewer reader,
        CancellationToken stop)
    {
        var others = await events.ByNumberAsync(room, wanted, stop);
        return (others, await HiddenAsync(room, among, others, history, reader, stop));
    }

    /// <summary>
    /// The replaced state events that the reader may not see. Readers may see those that were state while they were
    /// joined, and their own member events.
    /// </summary>
    private async ValueTask<HashSet<EventNid>> HiddenAsync(
        RoomIdentity room,
        IReadOnlyList<StoredEvent> among,
        IReadOnlyDictionary<EventNid, StoredEvent> others,
        IReadOnlyList<StoredEvent> history,
        Viewer reader,
        CancellationToken stop)
    {
        var asked = new List<StoredEvent>();
        foreach (var stored in among)
        {
            if (stored.Replaces is not { IsNone: false } nid || !others.TryGetValue(nid, out var before)) continue;
            if (before.Pdu.StateKey == reader.UserId && before.Pdu.Type == EventTypes.Member) continue;
            if (MembershipHistory.MembershipAt(history, new EventNid(stored.Nid.Value - 1)) != "join")
            {
                asked.Add(before);
            }
        }

        var hidden = asked.Select(before => before.Nid).ToHashSet();
        if (hidden.Count == 0) return hidden;
        asked.Sort(static (a, b) => b.Nid.Value.CompareTo(a.Nid.Value));
        var seen = await visibility.FilterAsync(room, [.. asked.Take(MostReplaced)], reader, stop);
        hidden.ExceptWith(seen.Select(before => before.Nid));
        return hidden;
    }

    /// <summary>Writes events for a reader, with their ages as of now.</summary>
    public EventWriter For(UserDevice reader) => new(reader, time.GetUtcNow().ToUnixTimeMilliseconds());
}
