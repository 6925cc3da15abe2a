using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Servers;

namespace Matrix.Host.Api.Federation;

/// <summary>
/// A response with events as servers exchange them: as they are stored. It consists of the stored bytes, and copies
/// none of them.
/// </summary>
internal sealed class ServedEvents
{
    private static readonly ReadOnlyMemory<byte> _comma = ","u8.ToArray();

    private readonly List<ReadOnlyMemory<byte>> _parts = [];

    /// <summary>JSON as it is.</summary>
    internal ServedEvents Raw(ReadOnlySpan<byte> json)
    {
        _parts.Add(json.ToArray());
        return this;
    }

    /// <summary>A string.</summary>
    internal ServedEvents Text(string text)
    {
        using var bytes = new ByteBuffer(text.Length + 16);
        CanonicalJson.WriteString(bytes, text);
        return Raw(bytes.Written);
    }

    /// <summary>One event.</summary>
    internal ServedEvents Event(Pdu pdu)
    {
        _parts.Add(pdu.Canonical);
        return this;
    }

    /// <summary>A list of events.</summary>
    internal ServedEvents Events(IReadOnlyList<Pdu> events)
    {
        Raw("["u8);
        for (var at = 0; at < events.Count; at++)
        {
            if (at > 0) _parts.Add(_comma);
            _parts.Add(events[at].Canonical);
        }

        return Raw("]"u8);
    }

    /// <summary>A list of their ids.</summary>
    internal ServedEvents Ids(IReadOnlyList<Pdu> events)
    {
        using var bytes = new ByteBuffer();
        bytes.Raw("["u8);
        for (var at = 0; at < events.Count; at++)
        {
            if (at > 0) bytes.Raw(","u8);
            CanonicalJson.WriteString(bytes, events[at].EventId);
        }

        bytes.Raw("]"u8);
        return Raw(bytes.Written);
    }

    /// <summary>The response.</summary>
    /// <param name="state">The state that it has, whose place is kept until it is sent; null for none.</param>
    internal Answer ToAnswer(ServedState? state = null) =>
        Answer.Parts(_parts, state?.Place, state is null ? null : state.Place.BeginSending);
}
