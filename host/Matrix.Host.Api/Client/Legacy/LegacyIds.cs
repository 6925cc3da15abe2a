using Matrix.Core.Ident;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Ids of events that exist in the old shape only: the id of today's event and a suffix, so that they never change.
/// </summary>
internal static class LegacyIds
{
    /// <summary>The name of a path parameter that is such an id: it is not checked as one of today.</summary>
    internal const string Parameter = "oldEventId";

    private const char Separator = '~';

    /// <summary>The id of a part of an event.</summary>
    internal static string Of(string eventId, string part) => $"{eventId}{Separator}{part}";

    /// <summary>
    /// Today's event, and the part of it that the path of a request names; null for the whole. False if it is no id.
    /// </summary>
    internal static bool TryRead(Call call, out string eventId, out string? part)
    {
        (eventId, part) = (call[Parameter], null);
        var at = eventId.LastIndexOf(Separator);
        if (at > 0 && LegacyPowerLevels.Parts.Contains(eventId[(at + 1)..]))
        {
            (eventId, part) = (eventId[..at], eventId[(at + 1)..]);
        }

        return EventId.IsValid(eventId);
    }

    /// <summary>The error for what is no id.</summary>
    internal static Answer Invalid { get; } = Answer.InvalidParam("The path has no valid event id.");
}
