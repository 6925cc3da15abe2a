using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.ToDevice;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>How devices change.</summary>
internal static class DeviceChanges
{
    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO devices (user_id, device_id, created_at, display_name) VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, device_id) DO NOTHING
        """);

    private static readonly Statement LogIfNew = Statement.Of("""
        INSERT INTO device_list_changes (user_id, only_for, position)
        SELECT $1, '', $3 WHERE NOT EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)
        ON CONFLICT (user_id, only_for) DO UPDATE SET position = excluded.position
        """);

    private static readonly Statement Rename = Statement.Of("UPDATE devices SET display_name = $3 WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement Touch = Statement.Of("""
        UPDATE devices SET last_seen_at = $3, last_seen_ip = $4 WHERE user_id = $1 AND device_id = $2
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM devices WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement[] DeleteWhatItHad =
    [
        Statement.Of("DELETE FROM tokens WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM device_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM one_time_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM claimed_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM fallback_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM key_signatures WHERE target_user = $1 AND target_key = $2"),
    ];

    // A device id is not empty: nothing is excepted by the empty one.
    private static readonly Statement[] DeleteOthers =
    [
        Statement.Of("DELETE FROM devices WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM tokens WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM device_keys WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM one_time_keys WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM claimed_keys WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM fallback_keys WHERE user_id = $1 AND device_id <> $2"),
    ];

    // Signatures on keys of devices, before the devices go: those on the master key stay.
    private static readonly Statement DeleteSignaturesOnOthers = Statement.Of("""
        DELETE FROM key_signatures WHERE target_user = $1 AND target_key IN (SELECT device_id FROM devices WHERE user_id = $1 AND device_id <> $2)
        """);

    private static readonly Statement DeleteLoginTokens = Statement.Of("DELETE FROM login_tokens WHERE user_id = $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<PutDevice>(static (op, writes) =>
        {
            writes.Run(LogIfNew, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Position());
            writes.RunIf(Insert, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Now().TextOrNull(op.InitialDisplayName));
        })
        .OnCondition<RenameDevice>(Rename, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).TextOrNull(op.DisplayName))
        .On<TouchDevice>(Touch, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.SeenAt).Text(op.Ip))
        .On<DeleteDevice>(static (op, writes) =>
        {
            writes.RunIf(Delete, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            foreach (var statement in DeleteWhatItHad)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            }

            ToDeviceTable.DeleteThrough(writes, op.UserId, op.DeviceId, long.MaxValue);
        })
        .On<DeleteOtherDevices>(static (op, writes) =>
        {
            ToDeviceTable.DeleteOthers(writes, op.UserId, op.Except ?? "");
            writes.Run(DeleteSignaturesOnOthers, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            foreach (var statement in DeleteOthers) writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            writes.Run(DeleteLoginTokens, op, static (a, op) => a.Text(op.UserId));
        });
}
