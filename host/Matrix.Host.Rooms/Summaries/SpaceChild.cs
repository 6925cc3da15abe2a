using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>A room of a space.</summary>
/// <param name="RoomId">The child.</param>
/// <param name="Via">Servers that may know it.</param>
/// <param name="IsSuggested">Whether the space suggests it.</param>
/// <param name="Event">The `m.space.child` event: a stripped state event with `origin_server_ts`.</param>
public sealed record SpaceChild(string RoomId, IReadOnlyList<string> Via, bool IsSuggested, JsonObject Event)
{
    /// <summary>About the bytes of an event's other members.</summary>
    private const int EventBytes = 300;
    private const int MostOrder = 50;

    /// <summary>About the bytes that it takes in a response.</summary>
    public long Bytes =>
        EventBytes + CanonicalJson.Bytes(Json.Of(Event.Child("content") ?? JsonObject.Empty)).Length;

    /// <summary>
    /// The children of a room, in their order. v1.19 client-server-api#ordering-of-children-within-a-space
    /// </summary>
    /// <param name="most">The most children.</param>
    /// <param name="mostBytes">The bytes of their events after which further ones are left out.</param>
    public static async ValueTask<IReadOnlyList<SpaceChild>> OfAsync(
        RoomSnapshot snapshot, EventStore events, int most, int mostBytes, CancellationToken stop)
    {
        var nids = snapshot.State.OfType(EventTypes.SpaceChild)
            .Take(most)
            .Select(entry => EventNid.Of(snapshot.Room.Nid, entry.Ordinal))
            .ToArray();
        var children = new List<JsonObject>(nids.Length);
        var bytes = 0L;
        await foreach (var portion in events.PortionsAsync(snapshot.Room, nids, stop))
        {
            foreach (var stored in portion)
            {
                if (bytes >= mostBytes) return InOrder(children);
                children.Add(Stripped(stored.Pdu));
                bytes += stored.Row.Json.Length;
            }
        }

        return InOrder(children);
    }

    /// <summary>The children in `children_state` of another server's response.</summary>
    public static IReadOnlyList<SpaceChild> Of(JsonObject room, int most) =>
        InOrder(room.Children("children_state").Take(most));

    private static IReadOnlyList<SpaceChild> InOrder(IEnumerable<JsonObject> events) =>
    [
        .. events.Select(Read).OfType<SpaceChild>()
            .OrderBy(static child => OrderOf(child.Event) is null)
            .ThenBy(static child => OrderOf(child.Event), StringComparer.Ordinal)
            .ThenBy(static child => child.Event.Number("origin_server_ts") ?? 0)
            .ThenBy(static child => child.RoomId, StringComparer.Ordinal),
    ];

    /// <summary>The child of an event; null if its content is not valid, as after its removal.</summary>
    private static SpaceChild? Read(JsonObject json)
    {
        if (json.Text("type") != EventTypes.SpaceChild
            || json.Text("state_key") is not { } roomId
            || !Core.Ident.RoomId.IsValid(roomId)
            || json.Child("content") is not { } content)
        {
            return null;
        }

        var via = content.Texts("via").Where(Core.Ident.ServerName.IsValid).Distinct().ToArray();
        return via.Length == 0 ? null : new SpaceChild(roomId, via, content.IsTrue("suggested"), json);
    }

    private static string? OrderOf(JsonObject json) =>
        json.Child("content")?.Text("order") is { Length: <= MostOrder } order
        && order.All(static c => c is >= ' ' and <= '~')
            ? order
            : null;

    private static JsonObject Stripped(Pdu pdu) => Members.Of(
        ("content", Json.Of(pdu.Content)),
        ("origin_server_ts", Json.Of(pdu.OriginServerTs)),
        ("sender", Json.Of(pdu.Sender)),
        ("state_key", Json.Of(pdu.StateKey ?? "")),
        ("type", Json.Of(pdu.Type)));
}
