using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Outbound.Federation;

/// <summary>An event that goes to other servers.</summary>
/// <param name="From">The server that sent it through this one, and has it; null for an event of this server.</param>
internal readonly record struct OutboundEvent(EventNid Nid, string? From);

/// <summary>
/// One batch of changes to a room: its outbound events, and the changed memberships of other servers' users.
/// </summary>
internal sealed record OutboundBatch(
    RoomNid Room,
    long Position,
    IReadOnlyList<OutboundEvent> Events,
    IReadOnlyList<MembershipChanged> Memberships);

/// <summary>
/// Gathers the changes of a batch. Outbound are the events of local users and those that came through this server for
/// others; events that are not shown in the room are not sent. Not thread-safe.
/// </summary>
internal sealed class OutboundBatches(string serverName)
{
    /// <summary>The marks of events that are not sent.</summary>
    internal const EventMarks NotSent =
        EventMarks.Rejected | EventMarks.SoftFailed | EventMarks.Outlier | EventMarks.Backfilled | EventMarks.Dummy
        | EventMarks.Distributed;

    private EventsAppended? _appended;
    private List<MembershipChanged>? _memberships;
    private RoomNid _room;
    private long _position;

    /// <summary>Whether a batch was begun.</summary>
    internal bool IsOpen => _appended is not null || _memberships is not null;

    internal RoomNid Room => _room;

    /// <summary>Whether the membership of a user of another server changed.</summary>
    internal bool ChangesMembers => _memberships is not null;

    /// <summary>Whether this change belongs to another batch than the one that was begun.</summary>
    internal bool Ends(RoomNid room, long position) => IsOpen && (position != _position || room != _room);

    internal void Add(EventsAppended appended, long position)
    {
        (_room, _position) = (appended.Room.Nid, position);
        _appended = appended;
    }

    internal void Add(MembershipChanged changed, long position)
    {
        (_room, _position) = (changed.Room, position);
        (_memberships ??= []).Add(changed);
    }

    /// <summary>Ends the batch; null if it concerns no other server.</summary>
    internal OutboundBatch? End()
    {
        var events = EventsOf(_appended);
        var batch = events.Count == 0 && _memberships is null
            ? null
            : new OutboundBatch(_room, _position, events, _memberships ?? (IReadOnlyList<MembershipChanged>)[]);
        Drop();
        return batch;
    }

    /// <summary>Ends the batch without looking at it.</summary>
    internal void Drop() => (_appended, _memberships) = (null, null);

    private List<OutboundEvent> EventsOf(EventsAppended? appended)
    {
        var events = new List<OutboundEvent>();
        for (var i = 0; i < (appended?.Events.Count ?? 0); i++)
        {
            var row = appended!.Events[i].Row;
            if ((row.Marks & NotSent) != 0) continue;
            if (IsOf(row.Sender, serverName)) events.Add(new OutboundEvent(row.Nid, null));
            else if ((row.Marks & EventMarks.ForAnother) != 0)
            {
                // An invite that this server made of another server's third-party invite is unknown there.
                var isTheirs = appended.Events[i].Pdu.StateKey == row.Sender;
                events.Add(new OutboundEvent(row.Nid, isTheirs ? ServerOf(row.Sender) : null));
            }
        }

        return events;
    }

    /// <summary>Whether an event that has none of the marks above is outbound.</summary>
    internal static bool IsOutbound(EventRow row, string serverName) =>
        IsOf(row.Sender, serverName) || (row.Marks & EventMarks.ForAnother) != 0;

    /// <summary>Whether a user is a user of a server.</summary>
    internal static bool IsOf(string userId, string serverName)
    {
        var colon = userId.IndexOf(':', StringComparison.Ordinal);
        return colon >= 0 && userId.AsSpan(colon + 1).SequenceEqual(serverName);
    }

    /// <summary>The server of a user id: the part after the first colon.</summary>
    internal static string ServerOf(string userId) => userId[(userId.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
