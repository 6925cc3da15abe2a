using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Relations;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// Bundles aggregations with events in `unsigned`: the latest edit, the thread, references.
/// v1.19 client-server-api#aggregations-of-child-events. One query for a page of events, and one for the edits of its
/// threads' latest events.
/// </summary>
public sealed class Aggregations(
    RelationsTable relations, EventStore events, ILocalUsers users, Visibility visibility, ReadingOptions options)
{
    /// <summary>The bundled aggregations by event. State events, and events without children, have none.</summary>
    /// <param name="room">The room of all the events.</param>
    /// <param name="among">The events.</param>
    /// <param name="reader">The reader.</param>
    /// <param name="scope">The part of the room that they see: only children that they may see are bundled.</param>
    /// <param name="write">Writes an event as the reader sees it, with its own aggregations.</param>
    public async ValueTask<IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>>> OfAsync(
        RoomIdentity room,
        IReadOnlyList<StoredEvent> among,
        UserDevice reader,
        ViewScope scope,
        WriteEvent write,
        CancellationToken stop)
    {
        var parents = among.Where(stored => (stored.Row.Marks & EventMarks.State) == 0).ToList();
        if (parents.Count == 0) return _none;

        var found = await FindAsync(room, parents, reader, scope, stop);
        if (found.Count == 0) return _none;

        // The latest event of a thread has its own aggregations, without a thread: threads do not nest.
        var wanted = new HashSet<EventNid>();
        foreach (var (_, each) in found)
        {
            if (!each.Replacement.IsNone) wanted.Add(each.Replacement);
            if (each.Thread is { } thread) wanted.Add(thread.Latest);
        }

        var children = await AsSeenAsync(room, wanted, scope, stop);
        var latest = found.Values.Where(each => each.Thread is not null && children.ContainsKey(each.Thread.Latest))
            .Select(each => children[each.Thread!.Latest]).ToList();
        var inner = latest.Count == 0 ? [] : await FindAsync(room, latest, reader, scope, stop);
        var edits = inner.Values.Select(each => each.Replacement)
            .Where(nid => !nid.IsNone && !children.ContainsKey(nid)).ToList();
        foreach (var (nid, edit) in await AsSeenAsync(room, edits, scope, stop))
        {
            children[nid] = edit;
        }

        var answer = new Dictionary<EventNid, ReadOnlyMemory<byte>>();
        foreach (var parent in parents)
        {
            if (!found.TryGetValue(parent.EventId, out var each)) continue;
            using var output = new ByteBuffer(1024);
            Write(output, each, children, inner, write);
            if (output.Length > 2) answer[parent.Nid] = output.ToArray();
        }

        return answer;
    }

    /// <summary>The aggregations of one event.</summary>
    private sealed record Bundle(EventNid Replacement, ThreadRow? Thread, IReadOnlyList<string> References);

    private static readonly IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>> _none =
        new Dictionary<EventNid, ReadOnlyMemory<byte>>();

    private static void Write(
        ByteBuffer output,
        Bundle each,
        Dictionary<EventNid, StoredEvent> children,
        Dictionary<string, Bundle> inner,
        WriteEvent write)
    {
        output.Byte((byte)'{');
        if (each.References.Count > 0)
        {
            // v1.19 client-server-api#reference-relations
            output.Raw("\"m.reference\":{\"chunk\":["u8);
            for (var i = 0; i < each.References.Count; i++)
            {
                output.Raw(i == 0 ? "{\"event_id\":"u8 : ",{\"event_id\":"u8);
                CanonicalJson.WriteString(output, each.References[i]);
                output.Byte((byte)'}');
            }

            output.Raw("]}"u8);
        }

        if (children.TryGetValue(each.Replacement, out var edit))
        {
            if (output.Length > 1) output.Byte((byte)',');
            output.Raw("\"m.replace\":"u8);
            write(output, edit, default);
        }

        if (each.Thread is { } thread && children.TryGetValue(thread.Latest, out var last))
        {
            if (output.Length > 1) output.Byte((byte)',');
            output.Raw("\"m.thread\":{\"count\":"u8);
            CanonicalJson.WriteInt(output, thread.Count);
            output.Raw(thread.Participated
                ? ",\"current_user_participated\":true,\"latest_event\":"u8
                : ",\"current_user_participated\":false,\"latest_event\":"u8);
            using var own = new ByteBuffer(512);
            if (inner.TryGetValue(last.EventId, out var below))
            {
                Write(own, below with { Thread = null }, children, inner, write);
            }

            write(output, last, own.Length > 2 ? own.ToArray() : default);
            output.Byte((byte)'}');
        }

        output.Byte((byte)'}');
    }

    /// <summary>
    /// Those of the bundled events that the reader may see, without edits whose content is erased for the reader.
    /// </summary>
    private async ValueTask<Dictionary<EventNid, StoredEvent>> AsSeenAsync(
        RoomIdentity room, IReadOnlyCollection<EventNid> wanted, ViewScope scope, CancellationToken stop)
    {
        var found = await events.GetManyAsync(room, wanted, stop);
        var whole = found.ToDictionary(stored => stored.Nid);
        var shown = await visibility.FilterAsync(room, found, scope.Viewer, stop);
        var answer = new Dictionary<EventNid, StoredEvent>(shown.Count);
        foreach (var stored in shown)
        {
            var stays = whole[stored.Nid];
            if (ReferenceEquals(stored, stays)
                || Matrix.Core.Room.Relation.Of(stays.Pdu.Content)?.RelType != "m.replace")
            {
                answer[stored.Nid] = stored;
            }
        }

        return answer;
    }

    private async ValueTask<Dictionary<string, Bundle>> FindAsync(
        RoomIdentity room, List<StoredEvent> parents, UserDevice reader, ViewScope scope, CancellationToken stop)
    {
        var found = await relations.AggregationsAsync(
            room.Nid, [.. parents.Select(parent => parent.EventId)], reader.UserId, stop);
        var answer = new Dictionary<string, Bundle>(found.Count);
        if (found.Count == 0) return answer;

        var hidden = await users.IgnoredByAsync(reader.UserId, stop);
        var all = await SeesAllAsync(room, parents, found.Values, scope, stop);
        foreach (var parent in parents)
        {
            if (!found.TryGetValue(parent.EventId, out var stored)) continue;
            var family = new Family(room, parent, stored, scope, hidden, all);
            answer[parent.EventId] = new Bundle(
                await EditAsync(family, stop),
                await ThreadAsync(family, stop),
                await ReferencesAsync(family, stop));
        }

        return answer;
    }

    /// <summary>An event with its children and its reader.</summary>
    private sealed record Family(
        RoomIdentity Room,
        StoredEvent Parent,
        Aggregation Stored,
        ViewScope ViewScope,
        IReadOnlySet<string> Hidden,
        bool SeesAll)
    {
        /// <summary>Whether the reader gets the stored aggregation unchanged.</summary>
        internal bool IsAsStored => SeesAll && Hidden.Count == 0;

        /// <summary>The reader's children of one relation, the latest first.</summary>
        internal RelationsQuery Children(string relType, int limit) => new()
        {
            Room = Room.Nid,
            ParentId = Parent.EventId,
            RelType = relType,
            From = new EventNid(ViewScope.Through.Value + 1),
            Limit = limit,
        };
    }

    /// <summary>The latest edit that the reader sees. Only the event's sender can edit it.</summary>
    private async ValueTask<EventNid> EditAsync(Family family, CancellationToken stop)
    {
        var parent = family.Parent;
        var edit = family.Stored.ReplacementOf(parent.Pdu.Type);
        if (edit.IsNone || !CanBeEdited(parent) || family.Hidden.Contains(parent.Row.Sender)) return EventNid.None;
        if (family.SeesAll
            && await BringsContentAsync(family.Room, edit, stop)
            && await IsSeenAsync(family, edit, stop))
        {
            return edit;
        }

        var query = family.Children("m.replace", options.MaxChildren) with
        {
            Sender = parent.Row.Sender,
            EventType = parent.Pdu.Type,
        };
        var rows = await relations.ChildrenAsync(query, stop);
        var seen = await SeenAsync(family, rows, stop);
        var latestFirst = seen.OrderByDescending(child => child.OriginServerTs)
            .ThenByDescending(child => child.EventId, StringComparer.Ordinal);
        foreach (var child in latestFirst)
        {
            if (await BringsContentAsync(family.Room, child.Nid, stop)) return child.Nid;
        }

        return EventNid.None;
    }

    /// <summary>The thread without events of ignored users, and without events that the reader may not see.</summary>
    private async ValueTask<ThreadRow?> ThreadAsync(Family family, CancellationToken stop)
    {
        if (family.Stored.Thread is not { } thread) return null;
        if (family.IsAsStored && await IsSeenAsync(family, thread.Latest, stop)) return thread;

        var senders = await relations.ThreadSendersAsync(
            family.Room.Nid,
            family.Parent.EventId,
            family.ViewScope.Through,
            options.MaxChildren,
            stop);
        var shown = senders.Where(each => !family.Hidden.Contains(each.Sender)).ToList();
        if (shown.Count == 0) return null;
        var latest = shown.MaxBy(each => each.Latest.Value).Latest;
        if (family.SeesAll && await IsSeenAsync(family, latest, stop))
        {
            return thread with { Count = shown.Sum(each => each.Count), Latest = latest };
        }

        var query = family.Children("m.thread", options.MaxChildren) with { From = new EventNid(latest.Value + 1) };
        var rows = await relations.ChildrenAsync(query, stop);
        var seen = await SeenAsync(family, rows, stop);
        return seen.Count == 0
            ? null
            : thread with { Count = seen.Count, Latest = seen.MaxBy(child => child.Nid.Value)!.Nid };
    }

    private async ValueTask<IReadOnlyList<string>> ReferencesAsync(Family family, CancellationToken stop)
    {
        if (family.Stored.References.Count == 0 || family.IsAsStored) return family.Stored.References;

        var query = family.Children("m.reference", options.MaxChildren) with
        {
            Direction = Direction.Forward,
            From = null,
            Until = family.ViewScope.Through,
        };
        var rows = await relations.ChildrenAsync(query, stop);
        if (family.SeesAll)
        {
            var shown = rows.Where(row => !family.Hidden.Contains(row.Sender));
            return [.. shown.Select(row => row.EventId).Take(Aggregation.MaxReferences)];
        }

        var seen = await SeenAsync(family, rows, stop);
        var inOrder = seen.OrderBy(child => child.Nid.Value);
        return [.. inOrder.Select(child => child.EventId).Take(Aggregation.MaxReferences)];
    }

    /// <summary>The children that the reader may see, without those of ignored users.</summary>
    private async ValueTask<IReadOnlyList<StoredEvent>> SeenAsync(
        Family family, IReadOnlyList<RelationRow> rows, CancellationToken stop)
    {
        var children = await events.GetManyAsync(
            family.Room,
            [.. rows.Where(row => !family.Hidden.Contains(row.Sender)).Select(row => row.Event)],
            stop);
        return await visibility.FilterAsync(family.Room, children, family.ViewScope.Viewer, stop);
    }

    /// <summary>Whether the reader may see a child, by the state at it.</summary>
    private async ValueTask<bool> IsSeenAsync(Family family, EventNid child, CancellationToken stop)
    {
        if (await events.GetAsync(family.Room, child, stop) is not { } stored) return false;
        var seen = await visibility.FilterAsync(family.Room, [stored], family.ViewScope.Viewer, stop);
        return seen.Count > 0;
    }

    /// <summary>
    /// Whether the reader is joined and sees every event after the parents, so every child, as far as numbers tell.
    /// Then they get the stored counts; the events that come with them are checked one by one.
    /// </summary>
    private async ValueTask<bool> SeesAllAsync(
        RoomIdentity room,
        List<StoredEvent> parents,
        IEnumerable<Aggregation> found,
        ViewScope scope,
        CancellationToken stop)
    {
        if (!scope.Viewer.IsJoined) return false;
        var first = parents.Min(parent => parent.Nid.Value);
        foreach (var each in found)
        {
            if (each.Thread?.Latest.Value > scope.Through.Value) return false;
            foreach (var row in each.Replacements)
            {
                if (row.Event.Value > scope.Through.Value) return false;
                first = Math.Min(first, row.Event.Value);
            }
        }

        return await visibility.SeesAllSinceAsync(room, new EventNid(first), scope.Viewer, stop);
    }

    /// <summary>Edits and redacted events cannot be edited.</summary>
    private static bool CanBeEdited(StoredEvent parent) =>
        !parent.IsRedacted && Matrix.Core.Room.Relation.Of(parent.Pdu.Content)?.RelType != "m.replace";

    /// <summary>Whether an edit has new content. If not, the edit before it applies.</summary>
    private async ValueTask<bool> BringsContentAsync(RoomIdentity room, EventNid edit, CancellationToken stop)
    {
        var stored = await events.GetAsync(room, edit, stop);
        if (stored is null || stored.IsRedacted || stored.Pdu.IsState) return false;
        return stored.Pdu.Type == EventTypes.Encrypted || stored.Pdu.Content.Has("m.new_content");
    }
}

/// <summary>The part of a room that a reader sees.</summary>
/// <param name="Viewer">The reader.</param>
/// <param name="Through">The last event that they may see.</param>
public readonly record struct ViewScope(Viewer Viewer, EventNid Through);

/// <summary>Writes an event as a client sees it.</summary>
/// <param name="output">The buffer.</param>
/// <param name="stored">The event.</param>
/// <param name="relations">Its bundled aggregations.</param>
public delegate void WriteEvent(ByteBuffer output, StoredEvent stored, ReadOnlyMemory<byte> relations);
