using Matrix.Import.Deciding;

namespace Matrix.Import.Commands;

/// <summary>The counts of a room version.</summary>
/// <param name="Version">The version.</param>
/// <param name="Decided">Events that were decided again.</param>
/// <param name="Differing">Those whose verdict differs from Synapse's.</param>
/// <param name="Undecidable">Events without all of their auth events.</param>
public sealed record CheckedVersion(string Version, long Decided, long Differing, long Undecidable);

/// <summary>An event whose verdict differs.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="EventId">The event.</param>
/// <param name="Version">The room's version.</param>
/// <param name="Type">The event's type.</param>
/// <param name="Synapse">Synapse's verdict.</param>
/// <param name="Ours">Ours.</param>
/// <param name="Clause">The clause that decides, and against what.</param>
public sealed record CheckedEvent(
    string RoomId, string EventId, string Version, string Type, string Synapse, string Ours, string Clause);

/// <summary>What deciding all events again found.</summary>
/// <param name="Versions">By room version.</param>
/// <param name="Differing">Events whose verdict differs, the first ones.</param>
/// <param name="EventsPerSecond">The rate of this run.</param>
public sealed record RuleCheckReport(
    IReadOnlyList<CheckedVersion> Versions, IReadOnlyList<CheckedEvent> Differing, double EventsPerSecond)
{
    internal static RuleCheckReport Of(RuleCheckProgress progress, long events, TimeSpan time) => new(
        [.. progress.Versions.Select(static each => new CheckedVersion(
            each.Key, each.Value.Decided, each.Value.Differing, each.Value.Undecidable))],
        [.. progress.Differing.Select(static each => new CheckedEvent(
            each.RoomId, each.EventId, each.Version, each.Type, each.Synapse.ToString(), each.Ours.ToString(),
            each.Clause.Length == 0 ? each.Against : $"{each.Clause}, by {each.Against}"))],
        events / Math.Max(0.001, time.TotalSeconds));
}
