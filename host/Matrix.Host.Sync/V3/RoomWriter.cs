using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.V3;

/// <summary>A room's summary. v1.19 client-server-api#syncing: `RoomSummary`.</summary>
/// <param name="Heroes">The members after whom an unnamed room is named; null if it has a name.</param>
internal sealed record Summary(IReadOnlyList<StoredEvent>? Heroes, int Joined, int Invited);

/// <summary>Writes the parts of a room that joined and left rooms have in common.</summary>
internal sealed class RoomWriter(RoomEvents events)
{
    /// <summary>Writes `timeline`, in steps.</summary>
    /// <param name="extras">Reads the extras of some of the events.</param>
    public async ValueTask TimelineAsync(
        SyncPass pass,
        Timeline timeline,
        Func<IReadOnlyList<StoredEvent>, ValueTask<EventExtras[]>> extras,
        CancellationToken stop)
    {
        var json = pass.Json;
        json.WriteStartEvents("timeline"u8);
        await events.TimelineAsync(pass, timeline, extras, stop);
        json.WriteEndArray();
        json.WriteBoolean("limited"u8, timeline.Limited);
        json.WriteString("prev_batch"u8, timeline.Start.ToString());
        json.WriteEndObject();
    }

    /// <summary>The member for the state before or after the timeline.</summary>
    public static ReadOnlySpan<byte> StateName(SyncPass pass) => pass.Request.State switch
    {
        StateForm.After => "state_after"u8,
        StateForm.UnstableAfter => "org.matrix.msc4222.state_after"u8,
        _ => "state"u8,
    };

    /// <summary>Writes `state` or `state_after`, in steps.</summary>
    /// <param name="member">The user's member event at the latest of the events, or a later one.</param>
    public async ValueTask StateAsync(
        SyncPass pass, RoomIdentity room, IReadOnlyList<EventNid> state, EventNid member, CancellationToken stop)
    {
        pass.Json.WriteStartEvents(StateName(pass));
        await events.StateAsync(pass, room, state, member, stop);
        pass.Json.WriteEndEvents();
    }

    /// <summary>Writes `account_data`, in steps.</summary>
    public async ValueTask AccountDataAsync(
        SyncPass pass, IReadOnlyList<AccountDataRow> rows, CancellationToken stop)
    {
        pass.Json.WriteStartEvents("account_data"u8);
        await events.AccountDataAsync(pass, rows, stop);
        pass.Json.WriteEndEvents();
    }

    /// <summary>Writes `summary`.</summary>
    public static void Summary(SyncPass pass, Summary summary)
    {
        var json = pass.Json;
        json.WriteStartObject("summary"u8);
        if (summary.Heroes is { } heroes)
        {
            json.WriteStrings("m.heroes"u8, heroes.Select(hero => hero.Pdu.StateKey ?? ""));
        }

        json.WriteNumber("m.joined_member_count"u8, summary.Joined);
        json.WriteNumber("m.invited_member_count"u8, summary.Invited);
        json.WriteEndObject();
    }
}
