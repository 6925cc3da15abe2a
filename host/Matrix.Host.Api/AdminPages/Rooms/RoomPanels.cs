using Matrix.Host.Api.Admin.ServerRooms;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>The members and the state of a room, and its events. That a message is read here is recorded.</summary>
internal sealed class RoomPanels(
    AdminFrame frame,
    RoomLists rooms,
    RoomSnapshots snapshots,
    EventStore events,
    AnyEvents anyEvents,
    AuditLog audit,
    IMembershipsTable membershipsTable) : IEndpoints
{
    private static readonly Column[] _memberColumns = [new("User")];

    private static readonly Column[] _stateColumns =
        [new("Type"), new("State key"), new("Sender") { IsOptional = true }, new("Sent") { IsOptional = true }];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, RoomMarks.MembersPage, MembersAsync);
        frame.Page(routes, RoomMarks.StatePage, StateAsync);
        frame.Page(routes, RoomLink.EventPage, EventAsync);
    }

    /// <summary>Joined members, by user id: a page continues after the last one of the page before.</summary>
    private async ValueTask<AdminView> MembersAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        if (await rooms.FindAsync(roomId, stop) is not { } room
            || await snapshots.FindAsync(roomId, stop) is not { } snapshot)
        {
            return RoomMarks.NoRoom;
        }

        var members = await membershipsTable.MembersAsync(
            snapshot.Room.Nid, MembershipSet.Join, visit.Query("after"), ListState.PageSize, stop);
        var rows = members.Select(member => new[]
        {
            snapshot.Local.IsJoined(member.UserId)
                ? Html.Of($"""<a href="{Link.To("user", ("id", member.UserId))}">{member.UserId}</a>""")
                : Html.Of($"{member.UserId}"),
        });
        var next = members.Count < ListState.PageSize
            ? Html.Empty
            : Html.Of($"""
                <nav class="pages" aria-label="Pages"><a rel="next" href="{Link.To(
                    RoomMarks.MembersPage, ("id", roomId), ("after", members[^1].UserId))}">Next ›</a></nav>
                """);
        return RoomMarks.ViewOf(room, RoomMarks.MembersPage, RoomMarks.Of(room), Html.Of($"""
            {DataTable.Of(
                $"{Format.Count(snapshot.JoinedCount)} joined members, by user id", _memberColumns, [.. rows],
                "Nobody is joined.")}
            {next}
            """));
    }

    private async ValueTask<AdminView> StateAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        if (await rooms.FindAsync(roomId, stop) is not { } room
            || await snapshots.FindAsync(roomId, stop) is not { } snapshot)
        {
            return RoomMarks.NoRoom;
        }

        var list = new ListState(RoomMarks.StatePage, visit, "", "id", "q");
        var entries = snapshot.State.Entries()
            .Where(entry => list["q"] is not { } part
                || entry.Type.Contains(part, StringComparison.OrdinalIgnoreCase)
                || entry.StateKey.Contains(part, StringComparison.OrdinalIgnoreCase))
            .OrderBy(static entry => entry.Type, StringComparer.Ordinal)
            .ThenBy(static entry => entry.StateKey, StringComparer.Ordinal)
            .ToArray();
        list.Total = entries.Length;
        var page = entries.Skip((int)list.From).Take(ListState.PageSize)
            .Select(entry => EventNid.Of(snapshot.Room.Nid, entry.Ordinal)).ToArray();
        var found = await events.GetManyAsync(snapshot.Room, page, stop);
        return RoomMarks.ViewOf(room, RoomMarks.StatePage, RoomMarks.Of(room), Html.Of($"""
            {list.FormOf(Html.Of($"""
                <input type="hidden" name="id" value="{roomId}">{list.TextField("q", "Type or state key")}
                """))}
            {DataTable.Of(
                "The current state", _stateColumns, [.. found.Select(stored => StateOf(roomId, stored))],
                "No state event matches.", list)}
            """));
    }

    private static Html[] StateOf(string roomId, StoredEvent stored) =>
    [
        Html.Of($"""<a href="{RoomLink.ToEvent(roomId, stored.EventId)}">{stored.Pdu.Type}</a>"""),
        Format.TextOr(stored.Pdu.StateKey, "(empty)"),
        Html.Of($"{stored.Row.Sender}"),
        Format.Time(stored.OriginServerTs),
    ];

    private async ValueTask<AdminView> EventAsync(AdminVisit visit, CancellationToken stop)
    {
        var (roomId, eventId) = (visit.Query("id"), visit.Query("event"));
        if (await rooms.FindAsync(roomId, stop) is not { } room) return RoomMarks.NoRoom;
        if (await anyEvents.FindAsync(visit.User.UserId, roomId, eventId, stop)
            is not { } stored)
        {
            return AdminView.Nothing(Sections.Rooms, "The room has no such event that is shown to members.") with
            {
                Above = ("Room", RoomLink.To(roomId)),
            };
        }

        if ((stored.Row.Marks & EventMarks.State) == 0)
        {
            await audit.RecordAsync(visit.Actor, "event.read", $"{roomId} {eventId}");
        }

        return RoomMarks.ViewOf(room, "", Html.Empty, Html.Of($"""
            <h2>{stored.Pdu.Type}</h2>
            {Format.Fields(
                Format.Field("Event id", Html.Of($"<code>{stored.EventId}</code>")),
                Format.Field("Sender", stored.Row.Sender),
                Format.Field("Sent", Format.Time(stored.OriginServerTs)))}
            <h2>The event as stored</h2>
            <div class="panel"><pre tabindex="0">{Format.Json(stored.Row.Json)}</pre></div>
            """));
    }
}
