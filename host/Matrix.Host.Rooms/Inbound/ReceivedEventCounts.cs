using System.Diagnostics;
using System.Diagnostics.Metrics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.StagedEvents;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Counts events of other servers by outcome, each once it is durable. Events that are known only as part of a state or
/// an auth chain are left out.
/// </summary>
internal sealed class ReceivedEventCounts(RoomsOptions options) : IChangeConsumer, IDisposable
{
    private readonly Meter _meter = new("Matrix.Host.Inbound");
    private readonly string _ourUsers = ":" + options.ServerName;
    private Counter<long>? _received;

    private Counter<long> Received => _received ??= _meter.CreateCounter<long>(
        "matrix_federation_received_pdus", "{pdu}", "Events of other servers, by outcome.");

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case EventsAppended appended:
                for (var i = 0; i < appended.Events.Count; i++) Count(appended.Events[i].Row);
                return;
            case EventStaged:
                Count("waiting");
                return;
            case StagedEventGivenUp:
                Count("given_up");
                return;
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        // Some events are not counted: nothing depends on it.
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Count(EventRow row)
    {
        if ((row.Marks & EventMarks.Outlier) != 0 || row.Sender.EndsWith(_ourUsers, StringComparison.Ordinal)) return;
        Count(row.Marks switch
        {
            var marks when (marks & EventMarks.Rejected) != 0 => "rejected",
            var marks when (marks & EventMarks.SoftFailed) != 0 => "soft_failed",
            var marks when (marks & EventMarks.Backfilled) != 0 => "history",
            _ => "accepted",
        });
    }

    private void Count(string outcome) => Received.Add(1, new TagList { { "outcome", outcome } });
}
