using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>A room: its settings and aliases, and what can be done to it.</summary>
internal sealed class RoomPage(
    AdminFrame frame,
    RoomLists rooms,
    RoomAdministration administration,
    RoomsTable roomsTable,
    AliasesTable aliasesTable)
    : IEndpoints
{
    public void Map(ClientRoutes routes) => frame.Page(routes, RoomLink.Page, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        var row = await roomsTable.FindAsync(roomId, stop);
        if (row is null || await rooms.FindAsync(roomId, stop) is not { } room)
        {
            return RoomMarks.NoRoom;
        }

        var block = await administration.FindBlockAsync(roomId, stop);
        var aliases = await aliasesTable.OfRoomAsync(row.Nid, stop);
        var marks = Html.Of($"{RoomMarks.Of(room)}{Format.BadgeIf(block is not null, "bad", "blocked")}");
        return RoomMarks.ViewOf(room, RoomLink.Page, marks, Html.Of($"""
            {FactsOf(room, row.CreatedAt, block)}
            <h2>Aliases on this server</h2>
            <div class="panel">{AliasesOf(aliases)}</div>
            <h2>Moderation</h2>
            <p class="note">Local users cannot join a blocked room, or be invited to it. Its members stay.</p>
            <div class="buttons">
            {ActionForm.Of(
                visit,
                "room-block",
                block is null ? "Block the room" : "End the block",
                "",
                ("id", roomId), ("value", block is null ? "true" : "false"))}
            <a class="button" href="{Link.To("room-admin", ("id", roomId))}">Make a user its administrator</a>
            <a class="button danger" href="{Link.To("room-purge", ("id", roomId))}">Purge its history</a>
            <a class="button danger" href="{Link.To("room-delete", ("id", roomId))}">Delete the room</a>
            </div>
            """));
    }

    private static Html FactsOf(ListedRoom room, long createdAt, BlockedRoomRow? block)
    {
        var summary = room.Summary;
        return Format.Fields(
            Format.Field("Room id", Html.Of($"<code>{summary.RoomId}</code>")),
            Format.Field("Topic", summary.Topic),
            Format.Field("Canonical alias", summary.CanonicalAlias),
            Format.Field("Members", $"{Format.Count(summary.JoinedCount)}, of them {room.LocalMembers} local"),
            Format.Field("State events", Format.Count(room.StateEvents)),
            Format.Field("Version", summary.Version),
            Format.Field("Creator", Html.Of($"{room.Creator}")),
            Format.Field("Known here since", Format.Time(createdAt)),
            Format.Field("Who may join", summary.JoinRule),
            Format.Field("History is visible to", room.HistoryVisibility),
            Format.Field("Guests", room.GuestAccess),
            Format.Field("Encryption", summary.Encryption ?? "none"),
            Format.Field("Users of other servers", room.IsFederatable ? "may join" : "may not join"),
            Format.Field("Published in the directory", room.IsPublished ? "yes" : "no"),
            block is null ? Html.Empty : Format.Field("Blocked by", block.BlockedBy));
    }

    private static Html AliasesOf(IReadOnlyList<string> aliases) => aliases.Count == 0
        ? Html.Of($"""<p class="empty">None.</p>""")
        : Html.Join(aliases.Select(static alias => Html.Of($"""
            <div class="row">{alias}
            <a class="quiet bad" href="{Link.To("alias-delete", ("alias", alias))}">Delete</a></div>
            """)));
}
