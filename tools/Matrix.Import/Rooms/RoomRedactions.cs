using Matrix.Core.Event;
using Matrix.Host.Storage;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// Which redaction applies to which event of a room, as Synapse decides it: a redaction by someone without the power to
/// redact others applies to events of the sender's server only.
/// </summary>
internal sealed class RoomRedactions(SynapseSource source, RoomNid room, EventIndex events)
{
    private const int PerQuery = 200;

    private readonly Dictionary<string, Redaction> _byTarget = new(StringComparer.Ordinal);
    private readonly HashSet<int> _applied = [];

    /// <summary>Reads the redactions of the room.</summary>
    /// <param name="redactions">The ids of its redaction events.</param>
    public async Task ReadAsync(IReadOnlyCollection<string> redactions, CancellationToken stop)
    {
        var read = new List<Redaction>();
        foreach (var chunk in redactions.Chunk(PerQuery))
        {
            await foreach (var row in source.RowsAsync(
                $"""
                SELECT r.event_id, r.redacts, e.sender, j.internal_metadata FROM redactions r
                JOIN events e ON e.event_id = r.event_id LEFT JOIN event_json j ON j.event_id = r.event_id
                WHERE r.event_id IN ({Places(chunk.Length)})
                """,
                stop,
                [.. chunk]))
            {
                var at = events.Find(row.Text(0));
                if (at < 0) continue;
                read.Add(new Redaction(
                    at, row.Text(1), ServerOf(row.Text(2)), EventMetadata.Of(row.Text(3)).RechecksRedaction));
            }
        }

        var targets = await TargetsAsync([.. read.Select(static each => each.Target).Distinct()], stop);
        foreach (var redaction in read.OrderBy(each => events.Ordinal(each.At)))
        {
            if (!targets.TryGetValue(redaction.Target, out var target)
                || target.IsCreate
                || (redaction.ChecksServer && redaction.Server != target.Server))
            {
                continue;
            }

            _applied.Add(redaction.At);
            _byTarget.TryAdd(redaction.Target, redaction);
        }
    }

    /// <summary>The redaction that applies to an event; none if there is none.</summary>
    public EventNid Of(string eventId) =>
        _byTarget.TryGetValue(eventId, out var found) && !events.Is(found.At, EventTraits.LeftOut)
            ? EventNid.Of(room, events.Ordinal(found.At))
            : EventNid.None;

    /// <summary>Whether a redaction event applies to an event that is here.</summary>
    public bool Applies(int at) => _applied.Contains(at);

    private async Task<Dictionary<string, (string Server, bool IsCreate)>> TargetsAsync(
        string[] ids, CancellationToken stop)
    {
        var found = new Dictionary<string, (string Server, bool IsCreate)>(StringComparer.Ordinal);
        foreach (var chunk in ids.Chunk(PerQuery))
        {
            await foreach (var row in source.RowsAsync(
                $"""
                SELECT e.event_id, e.sender, e.type FROM events e LEFT JOIN rejections r ON r.event_id = e.event_id
                WHERE r.event_id IS NULL AND e.event_id IN ({Places(chunk.Length)})
                """,
                stop,
                [.. chunk]))
            {
                if (events.Find(row.Text(0)) < 0) continue;
                found[row.Text(0)] = (ServerOf(row.Text(1)), row.Text(2) == EventTypes.Create);
            }
        }

        return found;
    }

    private static string Places(int count) =>
        string.Join(", ", Enumerable.Range(1, count).Select(static at => $"${at}"));

    private static string ServerOf(string userId) => userId[(userId.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <param name="At">The place of the redaction event.</param>
    /// <param name="ChecksServer">Whether it applies to events of its sender's server only.</param>
    private sealed record Redaction(int At, string Target, string Server, bool ChecksServer);
}
