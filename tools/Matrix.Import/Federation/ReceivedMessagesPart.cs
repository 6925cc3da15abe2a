using Matrix.Host.Storage.Tables.ReceivedMessages;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>
/// The ids of messages to devices that other servers sent, in their order: one that comes again is not delivered again.
/// The server forgets the oldest with the first that it receives.
/// </summary>
internal sealed class ReceivedMessagesPart() : TablePart(
    "received-messages",
    "ids of received messages to devices",
    "ids of received messages",
    "device_federation_inbox")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", long.MinValue, ""];

    protected override string Sql(SynapseSource source) => """
        SELECT origin, received_ts, message_id FROM device_federation_inbox
        WHERE (origin, received_ts, message_id) > ($1, $2, $3) ORDER BY origin, received_ts, message_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        progress.Add(new MessageReceived(row.Text(0), row.Text(2)));
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }
}
