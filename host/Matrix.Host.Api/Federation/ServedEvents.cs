using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Host.Api.Federation;

/// <summary>Writes events as servers exchange them: as they are stored.</summary>
internal static class ServedEvents
{
    /// <summary>A list of events.</summary>
    internal static void Write(ByteBuffer bytes, IReadOnlyList<Pdu> events)
    {
        bytes.Raw("["u8);
        for (var at = 0; at < events.Count; at++)
        {
            if (at > 0) bytes.Raw(","u8);
            bytes.Raw(events[at].Canonical.Span);
        }

        bytes.Raw("]"u8);
    }

    /// <summary>A list of their ids.</summary>
    internal static void WriteIds(ByteBuffer bytes, IReadOnlyList<Pdu> events)
    {
        bytes.Raw("["u8);
        for (var at = 0; at < events.Count; at++)
        {
            if (at > 0) bytes.Raw(","u8);
            CanonicalJson.writeString(bytes, events[at].EventId);
        }

        bytes.Raw("]"u8);
    }
}
