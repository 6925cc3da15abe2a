using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>
/// Messages that devices have not fetched, as they were, at their numbers in Synapse's stream: a token of Synapse's
/// says which of them a device has got. They count to no sender's share of the inbox, so that what waits keeps nobody
/// from sending more.
/// </summary>
internal sealed class MessagesToDevicesPart() : DeviceRowPart(
    "messages-to-devices",
    "messages to devices",
    "messages to devices",
    "device_inbox",
    "application_services_state",
    "device_max_stream_id")
{
    private const string OfServices = "messages to devices that application services have got";

    protected override IReadOnlyList<object> Begin { get; } = ["", "", long.MinValue];

    // Synapse keeps the messages to users of application services that it has passed on.
    protected override string Sql(SynapseSource source) => $"""
        SELECT t.user_id, t.device_id, t.stream_id, t.message_json, {DeviceColumns}, {PassedOn(source)}
        FROM device_inbox t {WithDevice}
        WHERE (t.user_id, t.device_id, t.stream_id) > ($1, $2, $3) ORDER BY t.user_id, t.device_id, t.stream_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!HasDevice(row, 4, progress)) return ValueTask.CompletedTask;
        var message = row.Bytes(3);
        if (row.Int64(6) >= row.Int64(2))
        {
            progress.Read(OfServices);
        }
        else if (StoredJson.IsObject(message))
        {
            progress.Add(new ToDeviceSent(row.Text(0), row.Text(1), message), row.Int64(2));
            progress.Written(Kind);
        }
        else
        {
            LeaveOut(row, progress, "It is no JSON object.");
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Up to where the application service of a row's user has got the messages; 0 for none.</summary>
    private static string PassedOn(SynapseSource source) =>
        source.HasColumn("application_services_state", "to_device_stream_id")
        && source.HasColumn("users", "appservice_id")
            ? """
            COALESCE((SELECT s.to_device_stream_id FROM users u JOIN application_services_state s
                ON s.as_id = u.appservice_id WHERE u.name = t.user_id), 0)
            """
            : "0";
}
