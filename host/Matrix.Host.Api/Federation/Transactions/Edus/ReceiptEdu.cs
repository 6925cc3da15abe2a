using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>`m.receipt`. v1.19 server-server-api#receipts</summary>
internal sealed class ReceiptEdu(ReceivedReceipts receipts, ReadingOptions options) : IEduHandler
{
    /// <summary>The most rooms whose receipts are stored at once.</summary>
    private const int RoomsAtOnce = 16;

    // v1.19 server-server-api#definition-mreceipt
    public string Type => EventTypes.Receipt;

    public async ValueTask<int> ReceiveAsync(
        string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop)
    {
        var left = options.MaxReceivedReceipts;
        var ignored = 0;
        var rooms = new Dictionary<string, List<RemoteReceipt>>(StringComparer.Ordinal);
        foreach (var content in contents)
        {
            var before = left;
            foreach (var (roomId, ofRoom) in content.Members)
            {
                foreach (var receipt in ReceiptsOf(ofRoom).Take(left))
                {
                    if (!rooms.TryGetValue(roomId, out var known)) rooms[roomId] = known = [];
                    known.Add(receipt);
                    left--;
                }
            }

            if (left == before) ignored++;
        }

        foreach (var some in rooms.Chunk(RoomsAtOnce))
        {
            await Task.WhenAll(some.Select(room => receipts.ReceiveAsync(origin, room.Key, room.Value, stop).AsTask()));
        }

        return ignored;
    }

    private static IEnumerable<RemoteReceipt> ReceiptsOf(Json ofRoom)
    {
        if (ofRoom is not Json.Object { Item: var types }) yield break;
        if (Child(types, ReceiptTypes.Read) is not { } users) yield break;
        foreach (var (userId, value) in users.Members)
        {
            if (value is Json.Object { Item: var receipt } && Read(userId, receipt) is { } read) yield return read;
        }
    }

    private static RemoteReceipt? Read(string userId, JsonObject receipt) =>
        receipt.IndexOf("event_ids") is >= 0 and var at
        && receipt.Value(at) is Json.Array { Item: [Json.String { Item: var eventId }, ..] }
        && Child(receipt, "data") is { } data
        && data.IndexOf("ts") is >= 0 and var time
        && data.Value(time) is Json.Int { Item: >= 0 and var timestamp }
        && (data.Text("thread_id") ?? (data.Has("thread_id") ? null : "")) is { } threadId
            ? new RemoteReceipt(userId, eventId, threadId, timestamp)
            : null;

    private static JsonObject? Child(JsonObject json, string name) =>
        json.IndexOf(name) is >= 0 and var at && json.Value(at) is Json.Object child ? child.Item : null;
}
