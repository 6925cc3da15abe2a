using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.AppServices;

/// <summary>Events of a transaction that a service may not have got, as the rooms were carried.</summary>
internal static class ServiceEvents
{
    private const int FewWithThisId = 2;

    /// <summary>The events with these ids that were carried, in the order of all events.</summary>
    public static async ValueTask<IReadOnlyList<OwedEvent>> FindAsync(
        ImportContext context, IReadOnlyList<string> eventIds, CancellationToken stop)
    {
        var events = new List<OwedEvent>();
        foreach (var eventId in eventIds)
        {
            var rows = await context.Target.Events.FindAnywhereAsync(eventId, FewWithThisId, stop);
            if (rows.Count == 0) continue;
            if (await context.Target.Rooms.FindAsync(rows[0].Nid.Room, stop) is { } room
                && RoomRules.FindUnstable(room.Version) is { } rules)
            {
                events.Add(new OwedEvent(room.RoomId, rules, rows[0]));
            }
        }

        return [.. events.OrderBy(static each => each.Position)];
    }

    /// <summary>The body of a transaction with these events.</summary>
    public static async ValueTask<byte[]> BodyAsync(
        ImportContext context, IReadOnlyList<OwedEvent> events, CancellationToken stop)
    {
        using var body = new ByteBuffer();
        body.Raw("{\"events\":["u8);
        for (var at = 0; at < events.Count; at++)
        {
            if (at > 0) body.Raw(","u8);
            var replaced = await ReplacedAsync(context, events[at], stop);
            Write(body, events[at], replaced);
        }

        body.Raw("]}"u8);
        return body.ToArray();
    }

    private static void Write(
        ByteBuffer body, OwedEvent owed, (string EventId, ReadOnlyMemory<byte> Content)? replaced)
    {
        var form = ClientEvent.FormOf(owed.Rules.Format, owed.Row.EventId, owed.Row.Json.Span);
        var unsigned = default(UnsignedParts);
        if (replaced is var (eventId, content)) (unsigned.ReplacesState, unsigned.PrevContent) = (eventId, content);
        ClientEvent.Write(body, form, owed.RoomId, in unsigned);
    }

    /// <summary>The state event that this one replaced, as Synapse noted it; null if there is none.</summary>
    private static async ValueTask<(string EventId, ReadOnlyMemory<byte> Content)?> ReplacedAsync(
        ImportContext context, OwedEvent owed, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            "SELECT json FROM event_json WHERE event_id = $1", stop, owed.Row.EventId))
        {
            if (StoredJson.TryRead(row.Bytes(0), out var json)
                && StoredJson.ObjectOf(json, "unsigned") is { } unsigned
                && StoredJson.TextOf(unsigned, "replaces_state") is { } replaced
                && await context.Target.Events.FindAsync(owed.Row.Nid.Room, replaced, stop) is { } before)
            {
                return (replaced, ClientEvent.Content(before.Json));
            }
        }

        return null;
    }
}
