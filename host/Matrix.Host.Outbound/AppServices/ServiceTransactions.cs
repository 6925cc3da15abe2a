using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>What a transaction has beside events.</summary>
internal sealed record TransactionParts
{
    /// <summary>Receipts, typing users and presence.</summary>
    public IReadOnlyList<Json> Ephemeral { get; init; } = [];

    /// <summary>What the service's devices get.</summary>
    public DeviceParts Devices { get; init; } = DeviceParts.None;

    /// <summary>Users whose device lists changed.</summary>
    public IReadOnlyCollection<string> Changed { get; init; } = [];

    /// <summary>Users whom the service shares no room with any more.</summary>
    public IReadOnlyCollection<string> Left { get; init; } = [];

    /// <summary>Whether there is nothing.</summary>
    public bool IsEmpty =>
        Ephemeral.Count == 0
        && Devices.Messages.Count == 0
        && Devices.Counts.Count == 0
        && Changed.Count == 0
        && Left.Count == 0;
}

/// <summary>
/// Writes the bodies of transactions. v1.19 application-service-api#pushing-events; events are formatted as for
/// clients, and their `unsigned` has what they replaced, for a service sees all of a room.
/// </summary>
internal sealed class ServiceTransactions(EventStore events, ReplacedState replaced, TimeProvider time)
{
    /// <summary>A body.</summary>
    internal async ValueTask<byte[]> WriteAsync(
        AppService service, IReadOnlyList<FeedItem> items, TransactionParts parts, CancellationToken stop)
    {
        var extras = await ExtrasAsync(items, stop);
        var writer = new EventWriter(new UserDevice("", ""), time.GetUtcNow().ToUnixTimeMilliseconds());
        using var body = new ByteBuffer(1 << 12);
        body.Raw("{\"events\":["u8);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0) body.Raw(","u8);
            if (items[i].Event is { } stored) writer.Write(body, stored, extras.GetValueOrDefault(stored.Nid), true);
            else WriteStripped(body, items[i].Stripped!);
        }

        body.Raw("]"u8);
        if (service.ReceivesEphemeral)
        {
            // Bridges of today read the one or the other.
            Member(body, "ephemeral", Json.Of([.. parts.Ephemeral]));
            Member(body, "de.sorunome.msc2409.ephemeral", Json.Of([.. parts.Ephemeral]));
        }

        if (service.ReceivesEncryption)
        {
            Member(body, "de.sorunome.msc2409.to_device", Json.Of([.. parts.Devices.Messages]));
            Member(body, "org.matrix.msc3202.device_lists", Json.Of(JsonObject.OfSeq(
            [
                ("changed", Texts(parts.Changed)),
                ("left", Texts(parts.Left)),
            ])));
            Member(body, "org.matrix.msc3202.device_one_time_keys_count", Json.Of(parts.Devices.Counts));
            Member(
                body, "org.matrix.msc3202.device_unused_fallback_key_types", Json.Of(parts.Devices.Fallback));
        }

        body.Raw("}"u8);
        return body.ToArray();
    }

    private static void Member(ByteBuffer body, string name, Json value)
    {
        body.Raw(","u8);
        body.Raw(JsonText.Write(Json.Of(name)));
        body.Raw(":"u8);
        body.Raw(JsonText.Write(value));
    }

    private static Json Texts(IEnumerable<string> texts) =>
        Json.Of([.. texts.Order(StringComparer.Ordinal).Select(static text => Json.Of(text))]);

    /// <summary>The member event of a room that the user knows by stripped state, with that state.</summary>
    private static void WriteStripped(ByteBuffer body, StrippedRoomRow room)
    {
        var rules = RoomRules.FindUnstable(room.Version)!;
        using var one = new ByteBuffer(1 << 10);
        var form = ClientEvent.FormOf(rules.Format, room.EventId, room.Event.Span);
        ClientEvent.Write(one, form, room.RoomId, default);
        if (room.State.IsEmpty || !room.IsOpen)
        {
            body.Raw(one.Written);
            return;
        }

        body.Raw(one.Written[..^1]);
        body.Raw(room.Membership == Storage.Tables.Memberships.Membership.Knock
            ? ",\"unsigned\":{\"knock_room_state\":"u8
            : ",\"unsigned\":{\"invite_room_state\":"u8);
        body.Raw(room.State.Span);
        body.Raw("}}"u8);
    }

    private async ValueTask<Dictionary<EventNid, EventExtras>> ExtrasAsync(
        IReadOnlyList<FeedItem> items, CancellationToken stop)
    {
        var extras = new Dictionary<EventNid, EventExtras>();
        foreach (var ofRoom in items.Select(static item => item.Event).OfType<StoredEvent>()
            .GroupBy(static stored => stored.Room.Nid))
        {
            StoredEvent[] among = [.. ofRoom];
            var room = among[0].Room;
            await replaced.LearnAsync(room.Nid, among, stop);
            var wanted = among.Select(static stored => stored.Replaces ?? EventNid.None)
                .Concat(among.Select(static stored => stored.Row.RedactedBy))
                .Where(static nid => !nid.IsNone)
                .ToHashSet();
            if (wanted.Count == 0) continue;
            var found = await events.ByNumberAsync(room, wanted, stop);
            foreach (var stored in among)
            {
                var before = stored.Replaces is { IsNone: false } nid ? found.GetValueOrDefault(nid) : null;
                extras[stored.Nid] = new EventExtras
                {
                    ReplacesState = before?.EventId,
                    PrevContent = before is null ? default : ClientEvent.Content(before.Row.Json),
                    RedactedBecause = stored.IsRedacted ? found.GetValueOrDefault(stored.Row.RedactedBy) : null,
                };
            }
        }

        return extras;
    }
}
