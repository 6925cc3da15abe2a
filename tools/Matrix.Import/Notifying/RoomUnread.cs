using Matrix.Core.Event;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Notifying;

/// <summary>
/// The unread marks of one room's local members: where an event that a member has not read means something else to them
/// than to most. Recent events have what Synapse evaluated. Of older ones Synapse keeps what highlights, and the rest
/// follows from the push rules.
/// </summary>
/// <param name="context">The import.</param>
/// <param name="room">The room.</param>
/// <param name="members">Its local members, who know how far they have read.</param>
/// <param name="own">Those for whom other rules decide than for most.</param>
/// <param name="rules">Their rules.</param>
/// <param name="actions">Synapse's actions.</param>
/// <param name="completeFrom">From this event on there are all actions.</param>
/// <param name="summedThrough">Up to this event Synapse has summed actions.</param>
internal sealed class RoomUnread(
    ImportContext context,
    RoomRow room,
    IReadOnlyList<MemberUnread> members,
    IReadOnlyList<MemberUnread> own,
    RulesOfMembers rules,
    RoomRows<PushAction> actions,
    long completeFrom,
    long summedThrough)
{
    private const int PageSize = 500;

    private readonly Dictionary<string, MemberUnread> _byId =
        members.ToDictionary(static member => member.UserId, StringComparer.Ordinal);

    private readonly RoomIdentity _identity = room.Identity;
    private readonly Dictionary<string, PushAction> _actions = new(StringComparer.Ordinal);
    private NotifyClasses? _classes;

    /// <summary>Adds the room's marks, from its latest event back to the first that somebody has not read.</summary>
    /// <param name="add">Takes a mark; it may wait until others are durable.</param>
    public async ValueTask RunAsync(Func<UnreadAdded, ValueTask> add, CancellationToken stop)
    {
        var readByAll = members.Min(static member => member.ReadAll);
        for (var before = EventNid.LastOf(room.Nid); ;)
        {
            var page = await context.Target.Unread.CountedAsync(before, PageSize, stop);
            var evaluated = await EvaluatedAsync(page, stop);
            foreach (var each in page)
            {
                await TakeActionsAsync(each.Position);
                await CountAsync(each, evaluated.GetValueOrDefault(each.Event), add, stop);
            }

            if (page.Count < PageSize || page[^1].Position <= readByAll) break;
            before = page[^1].Event;
        }

        await TakeActionsAsync(long.MinValue);
    }

    private async ValueTask CountAsync(
        CountedEvent each, StoredEvent? stored, Func<UnreadAdded, ValueTask> add, CancellationToken stop)
    {
        if (!each.IsState && _byId.TryGetValue(each.Sender, out var sender))
        {
            sender.Said(each.ThreadRoot, each.Position);
        }

        var isComplete = each.Position >= completeFrom;
        var byDefault = (each.NotifyClass & PushEvaluation.NotifiesMost) != 0;
        if (!byDefault && _actions.Count == 0 && stored is null) return;
        var push = stored is null ? null : (await ClassesAsync(stop)).PushOf(stored.Pdu);
        foreach (var member in members)
        {
            if (member.HasRead(each.ThreadRoot, each.Position) || member.UserId == each.Sender) continue;
            PushAction? action = null;
            if (_actions.Count == 0 && !isComplete && member.Rules is null)
            {
                if (byDefault) member.Here++;
                continue;
            }

            var notifies = _actions.TryGetValue(member.UserId, out action) ? action.Notifies
                : isComplete ? false
                : member.Rules is { } its && stored is not null
                    ? await rules.NotifiesAsync(its, member.UserId, stored, push!, stop)
                    : byDefault;
            var kind = action is { Highlights: true } ? UnreadKind.Highlight : UnreadKind.None;
            if (notifies && !byDefault) kind |= UnreadKind.Notify;
            if (!notifies && byDefault) kind |= UnreadKind.Silent;
            if (notifies) member.Here++;
            if (kind != UnreadKind.None)
            {
                await add(new UnreadAdded(member.UserId, each.Event, each.ThreadRoot, kind));
            }
        }
    }

    /// <summary>
    /// The events of a page that rules have to be evaluated for: older ones that somebody with rules of their own has
    /// not read.
    /// </summary>
    private async ValueTask<IReadOnlyDictionary<EventNid, StoredEvent>> EvaluatedAsync(
        IReadOnlyList<CountedEvent> page, CancellationToken stop)
    {
        var found = new Dictionary<EventNid, StoredEvent>();
        if (own.Count == 0) return found;
        var needed = page.Where(each => each.Position < completeFrom
            && own.Any(member => !member.HasRead(each.ThreadRoot, each.Position))).Select(static each => each.Event);
        foreach (var some in needed.Chunk(100))
        {
            foreach (var row in await context.Target.Events.FindManyAsync(some, stop))
            {
                found[row.Nid] = new StoredEvent(_identity, row);
            }
        }

        return found;
    }

    /// <summary>Takes the actions of the event at a position. Those of later events are only summed.</summary>
    private async ValueTask TakeActionsAsync(long position)
    {
        _actions.Clear();
        while (await actions.PeekAsync(room.RoomId) is { } action && action.Position >= position)
        {
            if (_byId.TryGetValue(action.UserId, out var member))
            {
                member.Count(action, summedThrough);
                if (action.Position == position) _actions[action.UserId] = action;
            }

            await actions.MoveAsync();
        }
    }

    private async ValueTask<NotifyClasses> ClassesAsync(CancellationToken stop)
    {
        if (_classes is not null) return _classes;
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT type, event_id FROM current_state_events
            WHERE room_id = $1 AND state_key = '' AND type IN ('m.room.create', 'm.room.power_levels')
            """,
            stop,
            room.RoomId))
        {
            ids[row.Text(0)] = row.Text(1);
        }

        var rows = await context.Target.Events.FindManyAsync(room.Nid, [.. ids.Values], stop);
        StoredEvent? Of(string type) =>
            rows.FirstOrDefault(row => row.EventId == ids.GetValueOrDefault(type)) is { } row
            ? new StoredEvent(_identity, row)
            : null;
        return _classes = new NotifyClasses(
            _identity, room.Header.JoinedCount, Of(EventTypes.Create), Of(EventTypes.PowerLevels));
    }
}
