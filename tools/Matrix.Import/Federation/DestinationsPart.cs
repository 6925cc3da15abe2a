using System.Numerics;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>
/// Other servers that did not answer, and when they are tried again. A server that answers has no row. The number of
/// failures is the one after which this server would wait as long as Synapse does.
/// </summary>
internal sealed class DestinationsPart() : TablePart(
    "destinations", "other servers that do not answer", "other servers", "destinations")
{
    /// <summary>Fewer failures are a disturbance, and no outage that is recorded.</summary>
    private const int FewestFailures = 3;

    protected override IReadOnlyList<object> Begin { get; } = [""];

    protected override string Sql(SynapseSource source) => """
        SELECT destination, retry_last_ts, retry_interval FROM destinations WHERE destination > $1 ORDER BY destination
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (server, lastTry, interval) = (row.Text(0), row.Int64(1), row.Int64(2));
        if (lastTry > 0 && interval > 0)
        {
            progress.Add(new DestinationChanged(
                server, FailuresFor(interval), RetryAt: lastTry + interval, LastSuccess: 0, LastFailure: ""));
        }

        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }

    /// <summary>The pause is a second at first, and doubles with each failure.</summary>
    private static int FailuresFor(long interval)
    {
        var seconds = (ulong)Math.Max(1, interval / 1_000);
        return Math.Max(FewestFailures, 1 + BitOperations.Log2(seconds));
    }
}
