using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Sync.V3;

/// <summary>Writes `account_data` and `rooms` of a response, and records whether they have news.</summary>
internal sealed class RoomSections(
    AccountDataSection accountData,
    RoomInputs inputs,
    RoomSnapshots snapshots,
    JoinedRooms joined,
    InvitedRooms invited,
    LeftRooms left,
    InviteSetting permission)
{
    public async ValueTask WriteAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        await accountData.WriteAsync(pass, found.Global, stop);
        var json = pass.Json;
        json.WriteStartObject("rooms"u8);

        json.WriteStartObject("join"u8);
        await foreach (var (_, room) in inputs.ReadAsync(pass, found.Joined, stop))
        {
            pass.HasNews |= await joined.WriteAsync(pass, room, stop);
        }

        json.WriteEndObject();

        json.WriteStartObject("invite"u8);
        if (found.Invited.Count > 0 || found.Stripped.Count > 0) await InvitesAsync(pass, found, stop);
        json.WriteEndObject();

        if (found.Knocked.Count > 0 || found.Stripped.Count > 0) await KnocksAsync(pass, found, stop);

        json.WriteStartObject("leave"u8);
        if (found.Left.Count > 0) await DeparturesAsync(pass, found.Left, stop);
        foreach (var room in found.Stripped)
        {
            if (!room.IsOpen) pass.HasNews |= StrippedRooms.WriteEnded(pass, room);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private async ValueTask InvitesAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        if (await permission.BlocksAsync(pass.Reader.UserId, stop)) return;
        foreach (var room in found.Invited)
        {
            if (await snapshots.FindAsync(room.Room, stop) is not { } snapshot) continue;
            pass.HasNews |= await invited.WriteInviteAsync(pass, snapshot, room.Member, stop);
            await pass.StepAsync(stop);
        }

        foreach (var room in found.Stripped)
        {
            if (room.Membership != Membership.Invite) continue;
            pass.HasNews |= StrippedRooms.WriteOpen(pass, room, "invite_state"u8);
            await pass.StepAsync(stop);
        }
    }

    /// <summary>Writes `knock`, which a response without knocks does not have.</summary>
    private async ValueTask KnocksAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        var stripped = found.Stripped.FindAll(static room => room.Membership == Membership.Knock);
        if (stripped.Count + found.Knocked.Count == 0) return;
        pass.Json.WriteStartObject("knock"u8);
        foreach (var room in found.Knocked)
        {
            if (await snapshots.FindAsync(room.Room, stop) is not { } snapshot) continue;
            pass.HasNews |= await invited.WriteKnockAsync(pass, snapshot, room.Member, stop);
            await pass.StepAsync(stop);
        }

        foreach (var room in stripped) pass.HasNews |= StrippedRooms.WriteOpen(pass, room, "knock_state"u8);
        pass.Json.WriteEndObject();
    }

    private async ValueTask DeparturesAsync(SyncPass pass, List<LeftRoom> rooms, CancellationToken stop)
    {
        var departures = rooms.ToDictionary(static room => room.Pending.Room);
        await foreach (var (pending, room) in inputs.ReadAsync(pass, rooms.Select(static each => each.Pending), stop))
        {
            var departure = departures[pending.Room];
            pass.HasNews |= await left.WriteAsync(pass, room, departure.Member, departure.Since, stop);
        }
    }
}
