using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.AppServices;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.AppServices;

/// <summary>
/// What application services have got. The oldest transaction that a service has not acknowledged may have arrived: it
/// is sent again with its id and events. The later ones were never tried; their events, and all that came since, are
/// sent in order in transactions of this server's.
/// </summary>
/// <remarks>
/// Synapse stores no receipts and typing users for a service that is away, and this server neither. Whether a service
/// was down is not carried: it is tried at the start, and then after pauses.
/// </remarks>
internal sealed class AppServicesPart : IImportPart
{
    private const string Kind = "application services";
    private const string Owed = "events owed to application services";

    /// <inheritdoc/>
    public string Name => "app-services";

    /// <inheritdoc/>
    public string Title => "application services";

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables =>
        ["application_services_state", "application_services_txns", "appservice_stream_position"];

    /// <inheritdoc/>
    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM application_services_txns", stop);

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var begin = ResumeKey.Read(progress.Reached, [""]);
        var services = new SortedSet<string>(context.Settings.AppServices, StringComparer.Ordinal);
        await foreach (var row in context.Source.RowsAsync(
            "SELECT as_id FROM application_services_state UNION SELECT as_id FROM application_services_txns", stop))
        {
            services.Add(row.Text(0));
        }

        foreach (var service in services.Where(id => string.CompareOrdinal(id, (string)begin[0]) > 0))
        {
            progress.Read(Kind);
            await TakeAsync(context, service, progress, stop);
            await progress.SaveAsync(ResumeKey.Of(service), stop);
        }
    }

    private static async ValueTask TakeAsync(
        ImportContext context, string service, PartProgress progress, CancellationToken stop)
    {
        var source = context.Source;
        var position = await source.NumberAsync("SELECT stream_ordering FROM appservice_stream_position", stop);
        var lists = source.HasColumn("application_services_state", "device_list_stream_id")
            ? await source.NumberAsync(
                "SELECT device_list_stream_id FROM application_services_state WHERE as_id = $1", stop, service)
            : 0;
        var (first, events, last) = await OldestAsync(context, service, progress, stop);
        if (position <= 0 && events.Count == 0)
        {
            // Nothing was ever handled for services: it begins with what happens from now on.
            return;
        }

        ReadOnlyMemory<byte>? body = null;
        if (events.Count > 0) body = await ServiceEvents.BodyAsync(context, events, stop);
        progress.Add(new AppServiceAdvanced(new AppServiceRow(
            service,
            events.Count == 0 ? position : events[^1].Position,
            Skipped: 0,
            DevicePosition: lists > 0 ? lists : await context.StartAfterAsync(stop),
            TransactionId: events.Count == 0 ? last : first,
            body,
            Delivers: null)));
        progress.Written(Kind);
        progress.Written(Owed, events.Count);
    }

    /// <summary>
    /// The id and events of the oldest transaction with events, and the id of the newest transaction; no events if
    /// there is none.
    /// </summary>
    private static async ValueTask<(long First, IReadOnlyList<OwedEvent> Events, long Last)> OldestAsync(
        ImportContext context, string service, PartProgress progress, CancellationToken stop)
    {
        var (first, last) = (0L, 0L);
        IReadOnlyList<OwedEvent> events = [];
        await foreach (var row in context.Source.RowsAsync(
            "SELECT txn_id, event_ids FROM application_services_txns WHERE as_id = $1 ORDER BY txn_id", stop, service))
        {
            last = row.Int64(0);
            if (!JsonText.TryParseArray(row.Bytes(1), out var ids))
            {
                progress.LeaveOut(
                    "transactions for application services", $"{service} {last}", "Its events are no JSON array.");
                continue;
            }

            progress.Read(Owed, ids.Length);
            if (events.Count > 0) continue;
            (first, events) = (last, await ServiceEvents.FindAsync(
                context, [.. ids.OfType<Json.String>().Select(static id => id.Item)], stop));
        }

        return (first, events, last);
    }
}
