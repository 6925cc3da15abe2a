using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Import.Rooms;

/// <summary>
/// Reads Synapse's JSON of events into the canonical form. Many at once, on all processors.
/// </summary>
internal static class EventReader
{
    public static void ReadAll(RoomRules rules, string roomId, IReadOnlyList<SourceEvent> events) =>
        Parallel.For(0, events.Count, at => Read(rules, roomId, events[at]));

    public static void Read(RoomRules rules, string roomId, SourceEvent into)
    {
        into.Notes = EventMetadata.Of(into.Metadata);
        if (into.Json.Length == 0)
        {
            into.Fault = "Synapse has no JSON of it.";
            return;
        }

        var (pdu, fault) = Parsed(rules, into);
        if (pdu is not null && pdu.RoomId != roomId) (pdu, fault) = (null, "Its JSON is of another room.");
        (into.Pdu, into.Fault) = (pdu, fault);
        into.Json = [];
    }

    private static (Pdu? Pdu, string Fault) Parsed(RoomRules rules, SourceEvent from)
    {
        var read = rules.ReadHistory(from.Json);
        if (!read.IsOk) return Tolerated(rules, from, read.Refusal!.Reason);
        if (read.Value.EventId != from.EventId) return (null, "Its JSON has another hash than its id.");
        var pdu = read.Value.Pdu;
        from.HasWrongHash = !read.Value.HashHolds && Stored(rules, from.Json)?.Length != pdu.Canonical.Length;
        return (pdu, "");
    }

    /// <summary>What Synapse accepted although it is not in the form of today.</summary>
    private static (Pdu? Pdu, string Fault) Tolerated(RoomRules rules, SourceEvent from, string refused)
    {
        if (!JsonText.TryParseStored(from.Json, out var json) || rules.EventIdOf(json) != from.EventId)
        {
            return (null, $"Its JSON cannot be read: {refused}.");
        }

        try
        {
            return (rules.ParseStored(from.EventId, Stored(rules, from.Json)), "");
        }
        catch (InvalidDataException fault)
        {
            return (null, fault.Message);
        }
    }

    /// <summary>The canonical bytes, unchecked; null if it is no JSON.</summary>
    private static byte[]? Stored(RoomRules rules, byte[] text)
    {
        if (!JsonText.TryParseStored(text, out var json)) return null;
        return JsonText.Write(JsonObject.OfSeq(json.Members.Where(
            member => member.Item1 != "unsigned" && (rules.AssignsIds || member.Item1 != "event_id"))));
    }
}
