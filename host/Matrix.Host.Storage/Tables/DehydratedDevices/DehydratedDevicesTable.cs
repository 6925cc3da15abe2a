using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.DehydratedDevices;

/// <summary>
/// Devices without a client, which get messages while their users are logged out. Each is one of the user's devices
/// too, and ends when that is deleted or logs in. MSC3814.
/// </summary>
public sealed class DehydratedDevicesTable(IReads reads)
{
    private static readonly Statement Find = Statement.Of(
        "SELECT device_id, data FROM dehydrated_devices WHERE user_id = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO dehydrated_devices (user_id, device_id, data) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, data = excluded.data
        """);

    private static readonly Statement Is = Statement.Of("""
        SELECT 1 WHERE CASE WHEN $2 IS NULL THEN NOT EXISTS (SELECT 1 FROM dehydrated_devices WHERE user_id = $1)
            ELSE EXISTS (SELECT 1 FROM dehydrated_devices WHERE user_id = $1 AND device_id = $2) END
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM dehydrated_devices WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement DeleteOthers = Statement.Of(
        "DELETE FROM dehydrated_devices WHERE user_id = $1 AND device_id <> $2");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<DeviceDehydrated>(Put, static (a, op) => a.Text(op.UserId).Text(op.Row.DeviceId).Blob(op.Row.Data))
        .OnCondition<DehydratedDeviceIs>(
            Is, static (a, op) => a.Text(op.UserId).TextOrNull(op.DeviceId), static (_, _) => true)
        .On<DeviceDeleted>(static (op, writes) =>
            writes.Run(Delete, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId)))
        // A device that logs in has a client.
        .On<TokensIssued>(static (op, writes) =>
            writes.Run(Delete, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId)))
        .On<OtherDevicesDeleted>(DeleteOthers, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));

    /// <summary>The user's dehydrated device; null if there is none.</summary>
    public ValueTask<DehydratedDeviceRow?> FindAsync(string userId, CancellationToken stop) => reads.FirstAsync(
        Find,
        userId,
        static (a, user) => a.Text(user),
        static row => (DehydratedDeviceRow?)new DehydratedDeviceRow(row.Text(0), row.Blob(1)),
        stop);
}

/// <summary>A dehydrated device.</summary>
/// <param name="DeviceId">Its id.</param>
/// <param name="Data">What a client needs to read its messages: a JSON object, encrypted by the client that made it.
/// </param>
public sealed record DehydratedDeviceRow(string DeviceId, ReadOnlyMemory<byte> Data);

/// <summary>Makes a device of the user the dehydrated one, in place of another one.</summary>
public sealed record DeviceDehydrated(string UserId, DehydratedDeviceRow Row) : Change
{
    internal override int Weight => 200 + Row.Data.Length;
}

/// <summary>
/// Applies if this is the user's dehydrated device (null: if there is none); changes nothing. As a precondition it
/// keeps concurrent requests from leaving a device behind.
/// </summary>
public sealed record DehydratedDeviceIs(string UserId, string? DeviceId) : ConditionalChange;
