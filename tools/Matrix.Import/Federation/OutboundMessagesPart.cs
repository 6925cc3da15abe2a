using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>
/// Messages to devices that other servers have not taken, with their ids, by which the servers know one that comes
/// twice. They count to no sender's share of the outbox, so that what a dead server lacks keeps nobody from sending.
/// </summary>
internal sealed class OutboundMessagesPart() : TablePart(
    "outbound-messages",
    "messages to devices that other servers are owed",
    "messages to devices for other servers",
    "device_federation_outbox")
{
    private const long MaxInteger = (1L << 53) - 1;

    protected override IReadOnlyList<object> Begin { get; } = ["", long.MinValue];

    protected override string Sql(SynapseSource source) => """
        SELECT destination, stream_id, queued_ts, messages_json FROM device_federation_outbox
        WHERE (destination, stream_id) > ($1, $2) ORDER BY destination, stream_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (server, number) = (row.Text(0), row.Int64(1));
        var fault = "";
        if (!StoredJson.TryRead(row.Bytes(3), out var content)) fault = "It is no JSON object.";
        else if (StoredJson.TextOf(content, "message_id") is null) fault = "It has no id.";
        else if (!IsCanonical(Json.Of(content))) fault = "It has numbers that a server cannot sign.";
        if (fault.Length > 0)
        {
            progress.LeaveOut(Kind, ResumeKey.Text(row, Begin), fault);
            return ValueTask.CompletedTask;
        }

        progress.Add(
            new MessageEnqueued(server, Sender: "", Edu(content)) { StoredAt = row.Int64(2) }, number);
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }

    /// <summary>The EDU as it is sent, without what Synapse's servers trace requests by.</summary>
    private static byte[] Edu(JsonObject content) => JsonText.Write(JsonObject.OfSeq(
    [
        // v1.19 server-server-api#definition-mdirect_to_device
        ("edu_type", Json.Of("m.direct_to_device")),
        ("content", Json.Of(JsonObject.OfSeq(
            Enumerable.Range(0, content.Count)
                .Where(at => content.Key(at) != "org.matrix.opentracing_context")
                .Select(at => (content.Key(at), content.Value(at)))))),
    ]));

    private static bool IsCanonical(Json json) => json switch
    {
        Json.Int number => number.Item is >= -MaxInteger and <= MaxInteger,
        Json.Array array => Array.TrueForAll(array.Item, IsCanonical),
        Json.Object { Item: var members } =>
            Enumerable.Range(0, members.Count).All(at => IsCanonical(members.Value(at))),
        _ => !json.IsFloat && !json.IsBigInt,
    };
}
