using System.Diagnostics.Metrics;
using Matrix.Host.Network.FederationClient;

namespace Matrix.Host.Outbound.Federation;

/// <summary>Metrics of transactions to other servers.</summary>
internal sealed class OutboundMetrics : IDisposable
{
    private readonly Meter _meter = new("Matrix.Outbound");
    private readonly Counter<long> _pdus;
    private readonly Counter<long> _edus;
    private readonly Counter<long> _refusedEdus;
    private readonly Counter<long> _transactions;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _recording;
    private readonly Counter<long> _expired;

    public OutboundMetrics()
    {
        _pdus = _meter.CreateCounter<long>(
            "matrix_federation_sent_pdus", "{event}", "Events that other servers took in transactions.");
        _edus = _meter.CreateCounter<long>(
            "matrix_federation_sent_edus", "{edu}", "EDUs that other servers took in transactions.");
        _refusedEdus = _meter.CreateCounter<long>(
            "matrix_federation_refused_edus",
            "{edu}",
            "EDUs that other servers refused alone, so that they are skipped.");
        _transactions = _meter.CreateCounter<long>(
            "matrix_federation_sent_transactions", "{transaction}", "Transactions that other servers took.");
        _failures = _meter.CreateCounter<long>(
            "matrix_federation_transaction_failures", "{transaction}", "Transactions that failed, by kind.");
        _refused = _meter.CreateCounter<long>(
            "matrix_federation_refused_pdus",
            "{event}",
            "Events that other servers refused: alone, so that they are skipped, or in a response.");
        _expired = _meter.CreateCounter<long>(
            "matrix_federation_expired_messages",
            "{edu}",
            "EDUs with messages to devices that their server has not taken in time.");
        _recording = _meter.CreateCounter<long>(
            "matrix_federation_recorder_failures", "{attempt}", "Failed writes of the position and of what is owed.");
    }

    /// <summary>Adds the gauges of the queues.</summary>
    internal void Watch(Func<int> ready, Func<int> waiting, Func<int> sending, Func<int> batches, Func<long> cached)
    {
        _meter.CreateObservableGauge(
            "matrix_federation_destinations_ready", ready, null, "Servers that wait for a turn to be sent to.");
        _meter.CreateObservableGauge(
            "matrix_federation_destinations_backing_off",
            waiting,
            null,
            "Servers that failed and wait for their next attempt.");
        _meter.CreateObservableGauge(
            "matrix_federation_destinations_sending", sending, null, "Servers with a transaction in flight.");
        _meter.CreateObservableGauge(
            "matrix_federation_outbound_batches",
            batches,
            null,
            "Batches of changes whose servers are not determined yet.");
        _meter.CreateObservableGauge(
            "matrix_federation_room_servers_bytes", cached, "By", "Bytes of the cached servers of rooms.");
    }

    internal void Sent(int pdus, int refused, int edus)
    {
        _transactions.Add(1);
        _edus.Add(edus);
        refused = Math.Min(refused, pdus);
        _pdus.Add(pdus - refused);
        if (refused > 0) _refused.Add(refused, new KeyValuePair<string, object?>("how", "in_response"));
    }

    internal void Failed(FederationFailure failure) =>
        _failures.Add(1, new KeyValuePair<string, object?>("kind", KindOf(failure)));

    internal void Skipped() => _refused.Add(1, new KeyValuePair<string, object?>("how", "skipped"));

    internal void SkippedEdu() => _refusedEdus.Add(1);

    internal void RecordingFailed() => _recording.Add(1);

    internal void MessagesExpired(long edus) => _expired.Add(edus);

    public void Dispose() => _meter.Dispose();

    private static string KindOf(FederationFailure failure) => failure switch
    {
        { Kind: FederationFailureKind.Refused, Status: 429 } => "limited",
        { Kind: FederationFailureKind.Refused } => $"refused_{failure.Status / 100}xx",
        { Kind: FederationFailureKind.ServerDenied } => "server_denied",
        { Kind: FederationFailureKind.NotFound } => "not_found",
        { Kind: FederationFailureKind.AddressRefused } => "address_refused",
        { Kind: FederationFailureKind.Tls } => "tls",
        { Kind: FederationFailureKind.TimedOut } => "timed_out",
        { Kind: FederationFailureKind.TooLarge } => "too_large",
        { Kind: FederationFailureKind.NotJson or FederationFailureKind.Malformed } => "malformed",
        _ => "unreachable",
    };
}
