using System.Text.Json;
using Matrix.Import.Sources;

namespace Matrix.Import.Runs;

/// <summary>
/// The greatest number of each of Synapse's streams. Two readings that are equal say that Synapse wrote nothing in
/// between.
/// </summary>
internal sealed class StreamNumbers
{
    // Table, and the column that counts. A table that a schema lacks counts as 0.
    private static readonly (string Table, string Column)[] _streams =
    [
        ("events", "stream_ordering"),
        ("ex_outlier_stream", "event_stream_ordering"),
        ("device_inbox", "stream_id"),
        ("device_federation_outbox", "stream_id"),
        ("account_data", "stream_id"),
        ("room_account_data", "stream_id"),
        ("room_tags_revisions", "stream_id"),
        ("receipts_linearized", "stream_id"),
        ("device_lists_stream", "stream_id"),
        ("device_lists_changes_in_room", "stream_id"),
        ("device_lists_outbound_pokes", "stream_id"),
        ("user_signature_stream", "stream_id"),
        ("e2e_cross_signing_keys", "stream_id"),
        ("push_rules_stream", "stream_id"),
        ("presence_stream", "stream_id"),
        ("thread_subscriptions", "stream_id"),
        ("sticky_events", "stream_id"),
        ("profile_updates", "stream_id"),
        ("quarantined_media_changes", "stream_id"),
        ("access_tokens", "id"),
        ("refresh_tokens", "id"),
        ("pushers", "id"),
        ("event_push_summary_last_receipt_stream_id", "stream_id"),
    ];

    private StreamNumbers(SortedDictionary<string, long> numbers) => Numbers = numbers;

    /// <summary>The numbers, by `table.column`.</summary>
    public IReadOnlyDictionary<string, long> Numbers { get; }

    /// <summary>The greatest of all.</summary>
    public long Greatest => Numbers.Count == 0 ? 0 : Numbers.Values.Max();

    /// <summary>Reads the numbers.</summary>
    public static async Task<StreamNumbers> ReadAsync(SynapseSource source, CancellationToken stop)
    {
        var numbers = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (table, column) in _streams)
        {
            if (!source.HasColumn(table, column)) continue;
            numbers[$"{table}.{column}"] = await source.NumberAsync($"SELECT MAX({column}) FROM {table}", stop);
        }

        // Streams of several writers: what they have used, even if its rows are gone.
        if (source.HasTable("stream_positions"))
        {
            await foreach (var row in source.RowsAsync(
                "SELECT stream_name, MAX(stream_id) FROM stream_positions GROUP BY stream_name", stop))
            {
                numbers[$"stream_positions.{row.Text(0)}"] = row.Int64(1);
            }
        }

        if (source.HasTable("device_max_stream_id"))
        {
            numbers["device_max_stream_id.stream_id"] =
                await source.NumberAsync("SELECT MAX(stream_id) FROM device_max_stream_id", stop);
        }

        return new StreamNumbers(numbers);
    }

    /// <summary>The stored form.</summary>
    public string ToText() => JsonSerializer.Serialize(Numbers);
}
