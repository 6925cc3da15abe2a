using System.Globalization;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>Deletes a room, as a job.</summary>
internal sealed class RoomErasure(JobStarts starts, RoomLists rooms) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        return new Confirmation(
            Sections.Rooms,
            $"Delete {room.Summary.Name ?? room.Summary.CanonicalAlias ?? roomId}?",
            Html.Of($"""
                <p>The {room.LocalMembers} local members leave, the aliases here go, and then all that is stored of the
                room is deleted. <strong>This cannot be undone.</strong> Other servers keep their copies.</p>
                <label class="check"><input type="checkbox" name="block" value="yes">
                Block the room too, so that nobody here joins it again</label>
                <label class="check"><input type="checkbox" name="keep" value="yes">
                Keep what is stored: local members leave only</label>
                """),
            "Delete the room",
            RoomLink.To(roomId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        var wish = new RoomDeletionWish { Purges = form.Text("keep") != "yes" };
        var begun = await starts.DeleteRoomAsync(visit.Actor, roomId, wish, form.Text("block") == "yes", stop);
        return JobLink.ResultOf(begun, RoomLink.To(roomId));
    }
}

/// <summary>Deletes old messages of a room, as a job.</summary>
internal sealed class RoomPurge(JobStarts starts, RoomLists rooms) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        return new Confirmation(
            Sections.Rooms,
            $"Purge the history of {room.Summary.Name ?? room.Summary.CanonicalAlias ?? roomId}",
            Html.Of($"""
                <p>Messages up to a time are deleted here. State events and the last event stay. <strong>This cannot be
                undone.</strong></p>
                <label>Up to, in UTC <input name="until" type="datetime-local" required></label>
                <label class="check"><input type="checkbox" name="local" value="yes">
                Messages of this server's users too: no other server may have them</label>
                """),
            "Purge the history",
            RoomLink.To(roomId));
    }

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        var roomId = visit.Query("id");
        if (!DateTimeOffset.TryParse(form.Text("until"), CultureInfo.InvariantCulture, Utc, out var until))
        {
            return AdminActionResult.Of(RoomLink.To(roomId), "The time is missing or wrong.", "");
        }

        var begun = await starts.PurgeAsync(
            visit.Actor, roomId, until.ToUnixTimeMilliseconds(), form.Text("local") == "yes", stop);
        return JobLink.ResultOf(begun, RoomLink.To(roomId));
    }
}
