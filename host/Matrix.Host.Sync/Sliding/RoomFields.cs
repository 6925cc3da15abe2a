using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Writes the members of a room in a response. MSC4186, "RoomResult".</summary>
internal sealed class RoomFields(
    EventStore events, Heroes heroes, BumpStamps bumps, TimelineExtras extras, RoomEvents writer)
{
    /// <summary>Opens the room, with the members that all rooms have.</summary>
    public static void Start(SlidingPass pass, RoomMatch match, SentRoom? sent)
    {
        pass.Written++;
        var json = pass.Json;
        json.WriteStartObject(match.Room.RoomId);
        if (sent is null) json.WriteBoolean("initial"u8, true);
        if (match.Room.IsDirect != (sent?.IsDirect ?? false)) json.WriteBoolean("is_dm"u8, match.Room.IsDirect);
        if (pass.IsUnstable) return;
        json.WriteString("membership"u8, NameOf(match.Room.Membership));
        if (match.Lists.Count > 0) json.WriteStrings("lists"u8, match.Lists);
    }

    /// <summary>Writes the timeline and the state, in steps. It is certain that there is a response.</summary>
    public async ValueTask ContentsAsync(
        SlidingPass pass, RoomSpan span, RoomContents contents, CancellationToken stop)
    {
        var json = pass.Json;
        if (contents.State.Count > 0 || contents.Removed.Count > 0)
        {
            json.WriteStartArray("required_state"u8);
            await writer.StateAsync(pass, span.Snapshot.Room, contents.State, span.Member, stop);
            Removed(pass, contents);
            json.WriteEndArray();
        }

        var timeline = contents.Timeline;
        if (timeline.Events.Count == 0 && !timeline.Limited && !span.IsInitial) return;
        if (timeline.Events.Count > 0)
        {
            json.WriteStartArray("timeline"u8);
            var scope = new ViewScope(span.Viewer, span.Through);
            await writer.TimelineAsync(
                pass,
                timeline,
                some => extras.OfAsync(pass.Reader, span.Snapshot, scope, timeline, some, span.Member, stop),
                stop);
            json.WriteEndArray();
        }

        json.WriteBoolean("limited"u8, timeline.Limited);
        json.WriteString("prev_batch"u8, timeline.Start.ToString());
        json.WriteNumber("num_live"u8, contents.Live);
        if (span.IsExpanded)
        {
            json.WriteBoolean(pass.IsUnstable ? "unstable_expanded_timeline"u8 : "expanded_timeline"u8, true);
        }
    }

    /// <summary>Writes the name and the avatar, and for joined rooms the counts and heroes, if they changed.</summary>
    public async ValueTask SummaryAsync(
        SlidingPass pass, RoomSpan span, RoomContents contents, CancellationToken stop)
    {
        var json = pass.Json;
        var room = span.Snapshot.Room;
        var nameChanged = contents.HasChanged(EventTypes.Name);
        var membersChanged = contents.HasChanged(EventTypes.Member);
        string? name = null;
        if (nameChanged || membersChanged)
        {
            name = await TextAsync(room, span.End, EventTypes.Name, "name", stop);
        }

        if (nameChanged) Text(json, "name", name, span.IsInitial);
        if (contents.HasChanged(EventTypes.Avatar))
        {
            var avatar = await TextAsync(room, span.End, EventTypes.Avatar, "url", stop);
            Text(json, "avatar", avatar, span.IsInitial);
        }

        // After the user left, the counts are those of later members.
        if (span.IsEnd) return;
        if (membersChanged)
        {
            json.WriteNumber("joined_count"u8, span.Snapshot.JoinedCount);
            json.WriteNumber("invited_count"u8, span.Snapshot.InvitedCount);
        }

        if ((nameChanged || membersChanged) && name is null)
        {
            Heroes(json, await heroes.OfUnnamedAsync(room, span.End, pass.Reader.UserId, stop));
        }
    }

    /// <summary>Writes `bump_stamp` of a joined room.</summary>
    public async ValueTask BumpStampAsync(SlidingPass pass, RoomSpan span, CancellationToken stop)
    {
        if (span.Sent is { } sent && sent.LastNid == span.Through) return;
        var stamp = await bumps.OfAsync(span.Snapshot.Room, span.Through, stop);
        pass.Json.WriteNumber("bump_stamp"u8, stamp);
    }

    private static void Text(Utf8JsonWriter json, string field, string? value, bool isInitial)
    {
        if (value is not null) json.WriteString(field, value);
        else if (!isInitial) json.WriteNull(field);
    }

    private static void Heroes(Utf8JsonWriter json, IReadOnlyList<StoredEvent> members)
    {
        json.WriteStartArray("heroes"u8);
        foreach (var member in members)
        {
            json.WriteStartObject();
            json.WriteString("user_id"u8, member.Pdu.StateKey);
            if (member.Pdu.Content.Text("displayname") is { } name) json.WriteString("displayname"u8, name);
            if (member.Pdu.Content.Text("avatar_url") is { } avatar) json.WriteString("avatar_url"u8, avatar);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Removed(SlidingPass pass, RoomContents contents)
    {
        if (contents.Removed.Count == 0) return;

        // The events were written past the JSON writer, which does not know that a comma is due.
        if (contents.State.Count > 0) pass.Output.Byte((byte)',');
        foreach (var change in contents.Removed)
        {
            pass.Json.WriteStartObject();
            pass.Json.WriteString("type"u8, change.Type);
            pass.Json.WriteString("state_key"u8, change.StateKey);
            pass.Json.WriteEndObject();
        }
    }

    private async ValueTask<string?> TextAsync(
        RoomIdentity room, StateTree state, string type, string field, CancellationToken stop)
    {
        if (state.Find(type, "") is not { } entry) return null;
        var stored = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop);
        return stored?.Pdu.Content.Text(field) is { Length: > 0 } text ? text : null;
    }

    private static string NameOf(Membership membership) => membership switch
    {
        Membership.Join => "join",
        Membership.Invite => "invite",
        Membership.Knock => "knock",
        Membership.Ban => "ban",
        _ => "leave",
    };
}
