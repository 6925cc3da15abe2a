using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.V3;

/// <summary>Writes `account_data` and `rooms` of a response, and records whether they have news.</summary>
internal sealed class RoomSections(
    JoinedRooms joined, InvitedRooms invited, LeftRooms left, InviteSetting permission)
{
    /// <summary>Bytes of a room in an initial sync: twenty messages and some state.</summary>
    private const int TypicalRoom = 12 * 1024;

    /// <summary>The most rooms for which space is reserved.</summary>
    private const int MostReserved = 256;

    public async ValueTask WriteAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        AccountData(pass, found.Global);
        var json = pass.Json;
        json.WriteStartObject("rooms"u8);

        json.WriteStartObject("join"u8);
        if (pass.IsInitial) Reserve(pass, found.Joined.Count);
        foreach (var room in found.Joined)
        {
            pass.HasNews |= await joined.WriteAsync(pass, room, stop).ConfigureAwait(false);
        }

        json.WriteEndObject();

        json.WriteStartObject("invite"u8);
        bool isShown = (found.Invited.Count > 0 || found.Stripped.Count > 0)
            && !await permission.BlocksAsync(pass.Reader.UserId, stop).ConfigureAwait(false);
        foreach (var (snapshot, invite) in isShown ? found.Invited : [])
        {
            pass.HasNews |= await invited.WriteInviteAsync(pass, snapshot, invite, stop).ConfigureAwait(false);
        }

        foreach (var room in isShown ? found.Stripped : [])
        {
            if (room.Membership != Membership.Invite) continue;
            pass.HasNews |= StrippedRooms.WriteOpen(pass, room, "invite_state"u8);
        }

        json.WriteEndObject();

        var knocks = found.Stripped.FindAll(room => room.Membership == Membership.Knock);
        if (knocks.Count + found.Knocked.Count > 0)
        {
            json.WriteStartObject("knock"u8);
            foreach (var (snapshot, knock) in found.Knocked)
            {
                pass.HasNews |= await invited.WriteKnockAsync(pass, snapshot, knock, stop).ConfigureAwait(false);
            }

            foreach (var room in knocks) pass.HasNews |= StrippedRooms.WriteOpen(pass, room, "knock_state"u8);
            json.WriteEndObject();
        }

        json.WriteStartObject("leave"u8);
        foreach (var room in found.Left)
        {
            pass.HasNews |= await left.WriteAsync(
                pass, room.Input, room.Member, room.Since, stop).ConfigureAwait(false);
        }

        foreach (var room in found.Stripped)
        {
            if (!room.IsOpen) pass.HasNews |= StrippedRooms.WriteEnded(pass, room);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Space for a whole response, so that it is not copied while the buffer grows.</summary>
    private static void Reserve(SyncPass pass, int rooms)
    {
        pass.Json.Flush();
        _ = pass.Output.Room(Math.Min(rooms, MostReserved) * TypicalRoom);
    }

    private static void AccountData(SyncPass pass, IReadOnlyList<AccountDataRow> rows)
    {
        bool any = false;
        foreach (var row in rows)
        {
            if (!pass.Filter.AccountData.Admits(row.Type, null, false)) continue;
            if (!any) pass.Json.WriteStartEvents("account_data"u8);
            any = true;
            if (row.Type == UserPushRules.Type)
            {
                PushRules(pass, UserPushRules.ContentOf(pass.Reader.UserId, row.Content));
            }
            else
            {
                pass.Json.WriteTypedContent(row.Type, row.Content.Span);
            }
        }

        // Users who changed no push rules get the server's default rules.
        if (pass.IsInitial
            && pass.Filter.AccountData.Admits(UserPushRules.Type, null, false)
            && rows.All(row => row.Type != UserPushRules.Type))
        {
            if (!any) pass.Json.WriteStartEvents("account_data"u8);
            any = true;
            PushRules(pass, UserPushRules.DefaultContent(pass.Reader.UserId));
        }

        if (!any) return;
        pass.Json.WriteEndEvents();
        pass.HasNews = true;
    }

    private static void PushRules(SyncPass pass, JsonObject content) => PushRules(pass.Json, content);

    /// <summary>Writes push rules as an account data event.</summary>
    public static void PushRules(Utf8JsonWriter json, JsonObject content)
    {
        using var rendered = new ByteBuffer(8192);
        CanonicalJson.writeObject(rendered, content);
        json.WriteTypedContent(UserPushRules.Type, rendered.Written);
    }
}
