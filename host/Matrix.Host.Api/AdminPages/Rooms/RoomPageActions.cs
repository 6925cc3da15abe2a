using Matrix.Core.Ident;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Admin.ServerRooms;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Storage.Tables.Aliases;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>What administrators do to rooms.</summary>
internal sealed class RoomPageActions(
    AdminFrame frame, RoomModeration moderation, JobStarts starts, RoomLists rooms, AliasesTable aliasesTable)
    : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        frame.Action(routes, "room-block", BlockAsync);
        frame.Confirmed(routes, "room-admin", new RoomAdminRight(moderation, rooms));
        frame.Confirmed(routes, "room-delete", new RoomErasure(starts, rooms));
        frame.Confirmed(routes, "room-purge", new RoomPurge(starts, rooms));
        frame.Confirmed(routes, "alias-delete", new AliasDeletion(moderation, aliasesTable));
    }

    private async ValueTask<AdminActionResult> BlockAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var roomId = form.Text("id") ?? "";
        var isBlocked = form.Text("value") == "true";
        if (!RoomId.IsValid(roomId)) return AdminActionResult.Of(Sections.Rooms, "This is not a room id.", "");
        await moderation.BlockAsync(visit.Actor, roomId, isBlocked, stop);
        return AdminActionResult.Done(
            RoomLink.To(roomId), isBlocked ? "The room is blocked." : "The room is not blocked any more.");
    }
}

/// <summary>Gives a local user the power of the room's most powerful local member.</summary>
internal sealed class RoomAdminRight(RoomModeration moderation, RoomLists rooms) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        return new Confirmation(
            Sections.Rooms,
            $"Make a user administrator of {room.Summary.Name ?? room.Summary.CanonicalAlias ?? roomId}",
            Html.Of($"""
                <p>The user gets the power of the most powerful local member, in that member's name. Who is not in the
                room, and could not join it, is invited.</p>
                <label>User id
                <input name="user" required autocapitalize="none" spellcheck="false"
                value="{visit.User.UserId}"></label>
                """),
            "Make administrator",
            RoomLink.To(roomId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        var userId = (form.Text("user") ?? "").Trim();
        var problem = UserId.IsValid(userId)
            ? (await moderation.MakeAdminAsync(visit.Actor, roomId, userId, stop))?.Message
            : "This is not a user id.";
        return AdminActionResult.Of(
            RoomLink.To(roomId), problem, $"{userId} has the power of an administrator in the room.");
    }
}

/// <summary>Deletes an alias of this server.</summary>
internal sealed class AliasDeletion(RoomModeration moderation, AliasesTable aliasesTable) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        if (await aliasesTable.FindAsync(visit.Query("alias"), stop) is not { } row)
        {
            return null;
        }

        return new Confirmation(
            Sections.Rooms,
            $"Delete {row.Alias}?",
            Html.Of($"<p>The room is not found by this alias any more, and anybody here can use the alias again.</p>"),
            "Delete the alias",
            RoomLink.To(row.RoomId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var alias = visit.Query("alias");
        var row = await aliasesTable.FindAsync(alias, stop);
        var failure = await moderation.DeleteAliasAsync(visit.Actor, alias, stop);
        return AdminActionResult.Of(
            row is null ? Sections.Rooms : RoomLink.To(row.RoomId), failure?.Message, "The alias is deleted.");
    }
}
