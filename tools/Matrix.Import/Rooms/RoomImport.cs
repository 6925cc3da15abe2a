using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// Carries one room: outliers, history, then live events with the states around them and the current state. The room's
/// row comes last.
/// </summary>
internal sealed class RoomImport
{
    private const int PerChunk = 500;
    private const int ChunkBytes = 4 << 20;

    private readonly ImportContext _context;
    private readonly KnownRoom _known;
    private readonly RoomIdentity _room;
    private readonly EventIndex _events;
    private readonly RoomChanges _changes;
    private readonly RoomSteps _steps;
    private readonly StateGroups _groups;
    private readonly HashSet<string> _dangling = new(StringComparer.Ordinal);

    public RoomImport(ImportContext context, KnownRoom known, RoomNid nid, RoomChanges changes)
    {
        (_context, _known, _changes) = (context, known, changes);
        _room = new RoomIdentity(nid, known.RoomId, known.Rules);
        _events = known.Events;
        _steps = new RoomSteps(nid, changes);
        _groups = new StateGroups(context.Source.State, _events, Dangling);
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var source = _context.Source;
        var (first, last) = await new EventPlaces(source, _known.RoomId, _events)
            .NumberAsync(_known.IsFederated, stop);
        var redactions = new RoomRedactions(source, _room.Nid, _events);
        await redactions.ReadAsync(_known.Redactions, stop);
        var heights = _known.IsFederated ? new AuthHeights(_room.Nid, _events, _changes) : null;
        var writer = new EventWriter(_context, _known, _room, redactions, heights, _changes);
        var states = new StatesAround(_events, _steps, _groups, _changes);

        await LeaveOutStateAsync(writer, stop);
        await CarryAsync(EventKind.Outlier, chunk => OutliersAsync(chunk, writer, stop), stop);
        await CarryAsync(
            EventKind.Backfilled,
            async chunk =>
            {
                await states.LoadAsync(chunk, static _ => false, stop);
                foreach (var each in chunk) Write(each, writer, states, null);
            },
            stop);

        // Without history there are no states on the way, and no log of them.
        var hasDeltas = !_context.Choices.WithoutHistory;
        var hasIndex = await StateDeltas.HasIndexAsync(source, stop);
        await using var deltas = await StateDeltas.OpenAsync(
            source, hasDeltas ? _known.RoomId : "", hasIndex, _events, Dangling, stop);
        var present = _known.Current.Count == 0 ? null : _known.StateOf(_known.Current, Dangling);
        var current = new CurrentState(_room.Nid, _events, _steps, deltas, _changes)
        {
            Beginning = hasDeltas ? await BeginningAsync(hasIndex, stop) : StateTree.Empty,
        };
        if (_context.Choices.WithoutHistory) states.Always = present;
        var lastPosition = 0L;
        await CarryAsync(
            EventKind.Live,
            async chunk =>
            {
                await states.LoadAsync(chunk, each => current.FollowsEvents(_events.Stream(each.At)), stop);
                foreach (var each in chunk)
                {
                    var position = _events.Stream(each.At);
                    await current.BeforeAsync(position);
                    var after = Write(each, writer, states, current.Now);
                    await current.WithAsync(position, after);
                    lastPosition = position;
                }
            },
            stop);
        await current.EndAsync(present, lastPosition);
        if (writer.HasLeftOut || _dangling.Count > 0)
        {
            await LeftOutRooms.OfLostMembersAsync(_context, _known, current.Members, _changes, stop);
        }

        heights?.End();
        await EndAsync(current, (first, last), lastPosition, writer.LastAccepted, stop);
    }

    /// <summary>Writes an event. Returns the state after it if the current state may be that.</summary>
    private NumberedState? Write(SourceEvent each, EventWriter writer, StatesAround states, NumberedState? current)
    {
        if (each.Pdu is null)
        {
            writer.LeaveOut(each);
            return null;
        }

        writer.Judge(each);
        var around = states.Of(each, current);
        writer.Write(each, around.After.Step, around.Before);
        return _events.Is(each.At, EventTraits.Rejected)
            || _events.Is(each.At, EventTraits.SoftFailed)
            || around.After.Tree.Count == 0
            ? null
            : around.After;
    }

    /// <summary>
    /// Leaves out the state events that cannot be read, before any state is made: a state that names one would name an
    /// event that is not there.
    /// </summary>
    private async Task LeaveOutStateAsync(EventWriter writer, CancellationToken stop)
    {
        var chunk = new List<SourceEvent>(PerChunk);
        await foreach (var row in _context.Source.RowsAsync(
            $"{SourceEvent.JsonColumns} WHERE e.room_id = $1 AND e.state_key IS NOT NULL ORDER BY e.stream_ordering",
            stop,
            _known.RoomId))
        {
            if (_events.Find(row.Text(0)) is not (>= 0 and var at)) continue;
            chunk.Add(SourceEvent.Of(row, at));
            if (chunk.Count == PerChunk) End();
        }

        End();

        void End()
        {
            EventReader.ReadAll(_known.Rules, _known.RoomId, chunk);
            foreach (var each in chunk.Where(static each => each.Pdu is null))
            {
                _changes.Read("events");
                writer.LeaveOut(each);
            }

            chunk.Clear();
        }
    }

    private static Task OutliersAsync(IReadOnlyList<SourceEvent> chunk, EventWriter writer, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        foreach (var each in chunk)
        {
            if (each.Pdu is null)
            {
                writer.LeaveOut(each);
                continue;
            }

            writer.Judge(each);
            writer.Write(each, 0, null);
        }

        return Task.CompletedTask;
    }

    /// <summary>Reads the events of a kind in the order of their numbers.</summary>
    private async Task CarryAsync(
        EventKind kind, Func<IReadOnlyList<SourceEvent>, Task> write, CancellationToken stop)
    {
        var isAll = _context.Choices.WithoutHistory;
        var which = isAll ? ""
            : kind == EventKind.Outlier ? "AND e.outlier"
            : kind == EventKind.Live ? "AND NOT e.outlier AND e.stream_ordering > 0"
            : "AND NOT e.outlier AND e.stream_ordering < 0";
        var order = kind == EventKind.Live ? "e.stream_ordering" : "e.topological_ordering, e.stream_ordering";
        var (chunk, bytes) = (new List<SourceEvent>(PerChunk), 0);
        await foreach (var row in _context.Source.RowsAsync(
            $"{SourceEvent.Columns} WHERE e.room_id = $1 {which} ORDER BY {order}", stop, _known.RoomId))
        {
            var at = _events.Find(row.Text(0));
            if (at < 0 || _events.Kind(at) != kind || _events.Is(at, EventTraits.Read)) continue;
            _events.Set(at, EventTraits.Read);
            var read = SourceEvent.Of(row, at);
            chunk.Add(read);
            bytes += read.Json.Length;
            if (chunk.Count < PerChunk && bytes < ChunkBytes) continue;
            await EndChunkAsync();
            (chunk, bytes) = (new List<SourceEvent>(PerChunk), 0);
        }

        await EndChunkAsync();

        async Task EndChunkAsync()
        {
            if (chunk.Count == 0) return;
            EventReader.ReadAll(_known.Rules, _known.RoomId, chunk);
            _changes.Read("events", chunk.Count);
            await write(chunk);
            await _changes.SaveAsync(stop);
        }
    }

    /// <summary>The state before the first change that Synapse recorded.</summary>
    private async Task<StateTree> BeginningAsync(bool hasIndex, CancellationToken stop)
    {
        var before = await StateDeltas.BeforeAsync(_context.Source, _known.RoomId, hasIndex, stop);
        var unchanged = _known.Current.Where(entry => !before.ContainsKey((entry.Type, entry.Key)));
        var changed = before.Where(static each => each.Value is not null)
            .Select(static each => (each.Key.Type, each.Key.Key, each.Value!));
        return _known.StateOf(unchanged.Concat(changed), Dangling);
    }

    private async Task EndAsync(
        CurrentState current,
        (uint First, uint Last) ordinals,
        long position,
        (string Id, int At)? lastAccepted,
        CancellationToken stop)
    {
        position = Math.Max(position, current.LastPosition);
        var count = 0;
        foreach (var (userId, member) in current.Members.OrderBy(static each => each.Key, StringComparer.Ordinal))
        {
            _changes.Add(
                new MembershipChanged(
                    _room.Nid, userId, null, member.Membership, member.Event, _context.IsLocal(userId)),
                member.Position);
            _changes.Written("memberships");
            if (++count % PerChunk == 0) await _changes.SaveAsync(stop);
        }

        foreach (var userId in await ForgottenAsync(stop)) _changes.Add(new RoomForgotten(_room.Nid, userId));
        var extremities = Extremities(lastAccepted);
        var header = new RoomHeader
        {
            Extremities = [.. extremities.Select(Extremity)],
            Depth = extremities.Count == 0 ? 0 : extremities.Max(each => _events.Depth(each.At)),
            CurrentStep = current.Now.Step,
            LastOrdinal = ordinals.Last,
            FirstOrdinal = ordinals.First,
            LastStep = _steps.Last,
            LastNode = _steps.LastNode,
            JoinedCount = current.Members.Values.Count(static each => each.Membership == Membership.Join),
            InvitedCount = current.Members.Values.Count(static each => each.Membership == Membership.Invite),
        };
        _changes.Add(new RoomCreated(_room, _known.Create.Sender, header), position, _known.CreatedAt);
        if (_known.IsFederated) _changes.Add(new RoomFederated(_room.Nid));
        _changes.Written("rooms");
    }

    private Extremity Extremity((string Id, int At) of) => new(_events.Ordinal(of.At), of.Id);

    /// <summary>The forward extremities that are here; the last accepted live event if there is none.</summary>
    private List<(string Id, int At)> Extremities((string Id, int At)? lastAccepted)
    {
        var found = new List<(string, int)>();
        foreach (var id in _known.Extremities)
        {
            var at = _events.Find(id);
            if (at >= 0 && _events.Kind(at) != EventKind.Outlier) found.Add((id, at));
            else _changes.LeaveOut("extremities", id, $"Room {_known.RoomId} does not have the event in its place.");
        }

        if (found.Count == 0 && lastAccepted is { } only) found.Add(only);
        return found;
    }

    private async Task<List<string>> ForgottenAsync(CancellationToken stop) => await _context.Source.ListAsync(
        """
        SELECT DISTINCT m.user_id FROM room_memberships m
        JOIN local_current_membership l ON l.event_id = m.event_id AND l.user_id = m.user_id
        WHERE m.room_id = $1 AND m.forgotten = 1
        """,
        static row => row.Text(0),
        stop,
        _known.RoomId);

    private void Dangling(string eventId)
    {
        if (_dangling.Add(eventId))
        {
            _changes.LeaveOut(
                "state entries", eventId, $"The state of {_known.RoomId} names it, and the event is not there.");
        }
    }
}
