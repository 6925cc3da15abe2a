using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Destinations;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound.Federation;

/// <summary>The services that all destinations share.</summary>
internal sealed partial class DestinationServices(
    OutboundOptions options,
    TransactionSender sender,
    EduSources edus,
    OutboundMetrics metrics,
    IStorageWriter writer,
    ShardGates gates,
    NetworkOptions network,
    TimeProvider time,
    ILogger<DestinationServices> log)
{
    /// <summary>The status of the response to a transaction of which some events are refused.</summary>
    private const int OkStatus = 200;

    private readonly LogLimiter _lines = new(network.ErrorLogInterval, network.MaxErrorLogServers, time);

    internal OutboundOptions Options => options;

    internal ShardGates Gates => gates;

    internal BackoffPauses Pauses { get; } = options.Pauses;

    internal TransactionSender Sender => sender;

    internal EduSources Edus => edus;

    internal OutboundMetrics Metrics => metrics;

    /// <summary>Called after each attempt of a destination.</summary>
    internal Action<Destination> Changed { get; set; } = static _ => { };

    internal long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Records an event that a server refuses. It is not sent to that server again.</summary>
    internal void Skip(string server, EventNid pdu, FederationFailure failure)
    {
        metrics.Skipped();
        if (_lines.Allows(server, out var heldBack)) LogSkipped(server, pdu, failure.ToString(), heldBack);
        Record(server, [new EventRefusedByServer(
            server, pdu, failure.Status, failure.ErrorCode, failure.Message, options.MaxRefusedKept)]);
    }

    /// <summary>Logs an EDU that a server refuses. It is not sent to that server again.</summary>
    internal void Skip(string server, PendingEdu edu, FederationFailure failure)
    {
        metrics.SkippedEdu();
        if (!_lines.Allows(server, out var heldBack)) return;
        LogSkippedEdu(server, edu.Source.GetType().Name, edu.Edu.Json.Length, failure.ToString(), heldBack);
    }

    /// <summary>
    /// Logs events that a server took and then refused, and records them: those of one transaction in each interval of
    /// the log, so that a server that refuses everything does not cost a write for each transaction.
    /// </summary>
    internal void Refused(string server, IReadOnlyList<RefusedPdu> refused)
    {
        if (refused.Count == 0 || !_lines.Allows(server, out var heldBack)) return;
        LogPduRefused(server, refused[0].EventId, Short(refused[0].Error), heldBack);
        Record(server, [.. refused.Select(pdu => new EventRefusedByServer(
            server, pdu.Nid, OkStatus, "", Short(pdu.Error), options.MaxRefusedKept))]);
    }

    /// <summary>Logs a fault of this server.</summary>
    internal void LogFault(string server, Exception fault)
    {
        if (_lines.Allows(server, out var heldBack)) LogFailed(fault, server, heldBack);
    }

    private void Record(string server, IReadOnlyList<EventRefusedByServer> refused)
    {
        var batch = new WriteBatch(Authority.Server(server), refused.Count)
        {
            OnFailed = (_, _) => metrics.RecordingFailed(),
        };
        foreach (var each in refused) batch.Add(each);
        try
        {
            writer.Post(batch);
        }
        catch (StorageException)
        {
            metrics.RecordingFailed();
        }
    }

    private static string Short(string text) => text.Length <= 500 ? text : text[..500];

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Server} refuses event {Event}, which is not sent to it again: {Why} "
            + "({HeldBack} more since the last line)")]
    private partial void LogSkipped(string server, EventNid @event, string why, int heldBack);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Server} refuses an EDU of {Source} with {Bytes} bytes, which is not sent to it again: {Why} "
            + "({HeldBack} more since the last line)")]
    private partial void LogSkippedEdu(string server, string source, int bytes, string why, int heldBack);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Server} refuses event {EventId}: {Why} ({HeldBack} more since the last line)")]
    private partial void LogPduRefused(string server, string eventId, string why, int heldBack);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Events could not be sent to {Server}; the server will retry ({HeldBack} more since the last line)")]
    private partial void LogFailed(Exception fault, string server, int heldBack);
}
