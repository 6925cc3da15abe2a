using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Receipts;

/// <summary>Writes receipts as events. v1.19 client-server-api#receipts.</summary>
internal static class ReceiptFormat
{
    /// <summary>Writes an event for each thread, because a user can have several receipts at the same event.</summary>
    public static void WriteByThread(Utf8JsonWriter json, IReadOnlyList<ReceiptMark> receipts)
    {
        foreach (var byThread in Latest(receipts).GroupBy(static receipt => receipt.ThreadId))
        {
            json.WriteStartObject();
            WriteMembers(json, byThread);
            json.WriteEndObject();
        }
    }

    /// <summary>
    /// Writes the members of one event for the whole room. A user has one receipt of a type at an event in it: the one
    /// without a thread goes before those in threads.
    /// </summary>
    public static void WriteAsOne(Utf8JsonWriter json, IReadOnlyList<ReceiptMark> receipts) => WriteMembers(
        json,
        Latest(receipts)
            .OrderBy(static receipt => receipt.ThreadId, StringComparer.Ordinal)
            .DistinctBy(static receipt => (receipt.EventId, receipt.Type, receipt.UserId)));

    /// <summary>
    /// An event, with its room's id. Its content is event id, then receipt type, then user: at most one receipt of
    /// each.
    /// </summary>
    public static Json EventOf(string roomId, IEnumerable<ReceiptMark> receipts, bool withThreads) => SyncJson.EventOf(
        EventTypes.Receipt,
        roomId,
        ObjectOf(receipts.GroupBy(static receipt => receipt.EventId).Select(ofEvent => (
            ofEvent.Key,
            ObjectOf(ofEvent.GroupBy(static receipt => receipt.Type).Select(ofType => (
                ofType.Key,
                ObjectOf(ofType.Select(receipt => (receipt.UserId, ReceiptOf(receipt, withThreads)))))))))));

    private static void WriteMembers(Utf8JsonWriter json, IEnumerable<ReceiptMark> receipts)
    {
        json.WriteStartObject("content"u8);
        foreach (var byEvent in receipts.GroupBy(static receipt => receipt.EventId))
        {
            json.WriteStartObject(byEvent.Key);
            foreach (var byType in byEvent.GroupBy(static receipt => receipt.Type))
            {
                json.WriteStartObject(byType.Key);
                foreach (var receipt in byType)
                {
                    json.WriteStartObject(receipt.UserId);
                    if (receipt.ThreadId.Length > 0) json.WriteString("thread_id"u8, receipt.ThreadId);
                    json.WriteNumber("ts"u8, receipt.Timestamp);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteString("type"u8, EventTypes.Receipt);
    }

    /// <summary>The last receipt of each user, type and thread: earlier positions are not sent.</summary>
    private static IEnumerable<ReceiptMark> Latest(IReadOnlyList<ReceiptMark> receipts) => receipts
        .GroupBy(static receipt => (receipt.UserId, receipt.Type, receipt.ThreadId))
        .Select(static group => group.MaxBy(static receipt => receipt.Position));

    private static Json ReceiptOf(ReceiptMark receipt, bool withThreads) =>
        withThreads && receipt.ThreadId.Length > 0
            ? ObjectOf([("thread_id", Json.Of(receipt.ThreadId)), ("ts", Json.Of(receipt.Timestamp))])
            : ObjectOf([("ts", Json.Of(receipt.Timestamp))]);

    private static Json ObjectOf(IEnumerable<(string Name, Json Value)> members) =>
        Json.Of(JsonObject.OfSeq(members));
}
