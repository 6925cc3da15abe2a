using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Sync.Responses;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.V3;

/// <summary>Writes `account_data` and `rooms` of a response, and records whether they have news.</summary>
internal sealed class RoomSections(
    RoomEvents events,
    RoomInputs inputs,
    RoomSnapshots snapshots,
    JoinedRooms joined,
    InvitedRooms invited,
    LeftRooms left,
    InviteSetting permission)
{
    public async ValueTask WriteAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        await AccountDataAsync(pass, found.Global, stop);
        var json = pass.Json;
        json.WriteStartObject("rooms"u8);

        json.WriteStartObject("join"u8);
        await foreach (var (_, room) in inputs.ReadAsync(pass, found.Joined, stop))
        {
            pass.HasNews |= await joined.WriteAsync(pass, room, stop);
        }

        json.WriteEndObject();

        json.WriteStartObject("invite"u8);
        bool isShown = (found.Invited.Count > 0 || found.Stripped.Count > 0)
            && !await permission.BlocksAsync(pass.Reader.UserId, stop);
        foreach (var room in isShown ? found.Invited : [])
        {
            if (await snapshots.FindAsync(room.Room, stop) is not { } snapshot) continue;
            pass.HasNews |= await invited.WriteInviteAsync(pass, snapshot, room.Member, stop);
            await pass.StepAsync(stop);
        }

        foreach (var room in isShown ? found.Stripped : [])
        {
            if (room.Membership != Membership.Invite) continue;
            pass.HasNews |= StrippedRooms.WriteOpen(pass, room, "invite_state"u8);
            await pass.StepAsync(stop);
        }

        json.WriteEndObject();

        var knocks = found.Stripped.FindAll(room => room.Membership == Membership.Knock);
        if (knocks.Count + found.Knocked.Count > 0)
        {
            json.WriteStartObject("knock"u8);
            foreach (var room in found.Knocked)
            {
                if (await snapshots.FindAsync(room.Room, stop) is not { } snapshot) continue;
                pass.HasNews |= await invited.WriteKnockAsync(pass, snapshot, room.Member, stop);
                await pass.StepAsync(stop);
            }

            foreach (var room in knocks) pass.HasNews |= StrippedRooms.WriteOpen(pass, room, "knock_state"u8);
            json.WriteEndObject();
        }

        json.WriteStartObject("leave"u8);
        var departures = found.Left.ToDictionary(room => room.Pending.Room);
        await foreach (var (pending, room) in inputs.ReadAsync(pass, found.Left.Select(each => each.Pending), stop))
        {
            var departure = departures[pending.Room];
            pass.HasNews |= await left.WriteAsync(pass, room, departure.Member, departure.Since, stop);
        }

        foreach (var room in found.Stripped)
        {
            if (!room.IsOpen) pass.HasNews |= StrippedRooms.WriteEnded(pass, room);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private async ValueTask AccountDataAsync(SyncPass pass, List<AccountDataRow> rows, CancellationToken stop)
    {
        if (rows.Count == 0 && !pass.IsInitial) return;
        var filter = pass.Filter.AccountData;
        var admitted = new List<AccountDataRow>(rows.Count);
        foreach (var row in rows)
        {
            if (filter.Admits(row.Type, null, false)) admitted.Add(row);
        }

        // Users who changed no push rules get the server's default rules.
        var withDefaultRules = pass.IsInitial
            && filter.Admits(UserPushRules.Type, null, false)
            && !rows.Exists(AccountDataFormat.IsPushRules);
        if (admitted.Count == 0 && !withDefaultRules) return;
        pass.HasNews = true;
        pass.Json.WriteStartEvents("account_data"u8);
        await events.AccountDataAsync(pass, admitted, stop);
        if (withDefaultRules) AccountDataFormat.WriteDefaultPushRules(pass.Json, pass.Reader.UserId);
        pass.Json.WriteEndEvents();
    }
}
