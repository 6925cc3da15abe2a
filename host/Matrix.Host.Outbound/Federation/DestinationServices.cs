using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Destinations;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound.Federation;

/// <summary>The services that all destinations share.</summary>
internal sealed partial class DestinationServices(
    OutboundOptions options,
    TransactionSender sender,
    EduSources edus,
    OutboundMetrics metrics,
    IStorage storage,
    NetworkOptions network,
    TimeProvider time,
    ILogger<DestinationServices> log)
{
    private readonly LogLimiter _lines = new(network.ErrorLogInterval, network.MaxErrorLogServers, time);

    internal OutboundOptions Options => options;

    internal BackoffPauses Pauses { get; } = options.Pauses;

    internal TransactionSender Sender => sender;

    internal EduSources Edus => edus;

    internal OutboundMetrics Metrics => metrics;

    /// <summary>Called after each turn of a destination.</summary>
    internal Action<Destination> Changed { get; set; } = static _ => { };

    internal long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Records an event that a server refuses. It is not sent to that server again.</summary>
    internal void Skip(string server, EventNid pdu, FederationFailure failure)
    {
        metrics.Skipped();
        if (_lines.Allows(server, out var heldBack)) LogSkipped(server, pdu, failure.ToString(), heldBack);
        var record = new EventRefusedByServer(
            server, pdu, failure.Status, failure.ErrorCode, failure.Message, options.MaxRefusedKept);
        try
        {
            storage.Writer.Post(new WriteBatch(1)
            {
                OnFailed = (_, _) => metrics.RecordingFailed(),
            }.Add(record));
        }
        catch (StorageException)
        {
            metrics.RecordingFailed();
        }
    }

    /// <summary>Logs an EDU that a server refuses. It is not sent to that server again.</summary>
    internal void Skip(string server, OwedEdu edu, FederationFailure failure)
    {
        metrics.SkippedEdu();
        if (!_lines.Allows(server, out var heldBack)) return;
        LogSkippedEdu(server, edu.Source.GetType().Name, edu.Edu.Json.Length, failure.ToString(), heldBack);
    }

    /// <summary>Logs events that a server took and then refused.</summary>
    internal void LogRefused(string server, IReadOnlyDictionary<string, string> errors)
    {
        foreach (var (eventId, error) in errors)
        {
            if (_lines.Allows(server, out var heldBack)) LogPduRefused(server, Short(eventId), Short(error), heldBack);
            return;
        }
    }

    /// <summary>Logs a fault of this server.</summary>
    internal void LogFault(string server, Exception fault)
    {
        if (_lines.Allows(server, out var heldBack)) LogFailed(fault, server, heldBack);
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
