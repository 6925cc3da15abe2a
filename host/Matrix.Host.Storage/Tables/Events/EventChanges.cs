using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>Events were decided: they are stored, each with its number. Rejected if an id or a number is taken.</summary>
/// <param name="Room">The room.</param>
/// <param name="Events">The events, in the order of their numbers.</param>
public sealed record EventsAppended(RoomIdentity Room, IReadOnlyList<StoredEvent> Events) : WriteOperation
{
    internal override int Weight
    {
        get
        {
            var weight = 0;
            for (var i = 0; i < Events.Count; i++) weight += 400 + Events[i].Row.Json.Length + (Events[i].Relation is null ? 0 : 200);
            return weight;
        }
    }

    internal override void Durable(long position)
    {
        for (var i = 0; i < Events.Count; i++) Events[i].Durable(position);
    }
}

/// <summary>An event was redacted by another. Of several redactions the first that is stored counts.</summary>
/// <param name="Redacted">The event in its redacted form; its row names the redaction.</param>
public sealed record EventRedacted(StoredEvent Redacted) : WriteOperation
{
    /// <summary>The redacted event's number.</summary>
    public EventNid Nid => Redacted.Nid;

    /// <summary>The redaction's number.</summary>
    public EventNid By => Redacted.Row.RedactedBy;

    internal override int Weight => 200 + Redacted.Row.Json.Length;
}

/// <summary>A redaction waits for its event. Of a room's waiting redactions the latest are remembered.</summary>
/// <param name="Redaction">The redaction.</param>
/// <param name="TargetId">The event that it redacts.</param>
/// <param name="Keep">How many a room remembers.</param>
public sealed record RedactionWaits(EventNid Redaction, string TargetId, int Keep) : WriteOperation;

/// <summary>No redaction of a room waits for an event any more: it came.</summary>
public sealed record RedactionsWaitNoMore(RoomNid Room, string TargetId) : WriteOperation;

/// <summary>An event is something else than was thought when it was stored.</summary>
public sealed record StandingChanged(EventNid Nid, EventStanding Standing) : WriteOperation;
