using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.RoomRows;

namespace Matrix.Host.Storage.Tables.StoredBytes;

/// <summary>
/// The bytes that users store, so that a bound costs one look-up and not a sum over the rows. A row of some 60 bytes
/// for each user and kind. It counts what other tables store: its statements read the rows that a change replaces or
/// deletes, so they run before those of the tables themselves.
/// </summary>
public sealed class StoredBytesTable(IReads reads)
{
    private const string DeviceExists = "EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)";

    private static readonly Statement Find = Statement.Of(
        "SELECT bytes FROM stored_bytes WHERE user_id = $1 AND kind = $2");

    private static readonly Statement Fits = Statement.Of("""
        SELECT 1 WHERE $3 <= 0
            OR COALESCE((SELECT bytes FROM stored_bytes WHERE user_id = $1 AND kind = $2), 0) + $3 <= $4
        """);

    private static readonly Counted _data = new(StoredKind.AccountData, "account_data", "content");
    private static readonly Counted _filters = new(StoredKind.Filters, "filters", "json");
    private static readonly Counted _identityKeys = new(StoredKind.DeviceKeys, "device_keys", "json");
    private static readonly Counted _oneTimeKeys = new(StoredKind.DeviceKeys, "one_time_keys", "json");
    private static readonly Counted _fallbackKeys = new(StoredKind.DeviceKeys, "fallback_keys", "json");

    private static readonly Statement DataPut = _data.Put("$4", "room_nid = $2 AND type = $3");
    private static readonly Statement DataForgotten = _data.Delete("length(content) = 0");
    private static readonly Statement DataOfRoomDeleted = _data.Delete("room_nid = $2");
    private static readonly Statement AllDataDeleted = _data.DeleteAll();

    private static readonly Statement FilterPut = _filters.Put("$3", "hash = $2");
    private static readonly Statement FilterImportedPut = _filters.Put("$3", "filter_id = $2");
    private static readonly Statement AllFiltersDeleted = _filters.DeleteAll();

    private static readonly Statement IdentityKeysPut = _identityKeys.Put("$3", "device_id = $2", DeviceExists);

    private static readonly Statement OneTimeKeyPut = _oneTimeKeys.Put(
        "$5", "device_id = $2 AND algorithm = $3 AND key_id = $4", DeviceExists);

    private static readonly Statement FallbackKeyPut = _fallbackKeys.Put(
        "$4", "device_id = $2 AND algorithm = $3", DeviceExists);

    private static readonly Statement ClaimedForgotten = _oneTimeKeys.Delete(KeyHandlers.IsLongClaimed);

    private static readonly Statement[] DeviceDeleted =
        [.. new[] { _identityKeys, _oneTimeKeys, _fallbackKeys }.Select(keys => keys.Delete("device_id = $2"))];

    private static readonly Statement[] OthersDeleted =
        [.. new[] { _identityKeys, _oneTimeKeys, _fallbackKeys }.Select(keys => keys.Delete("device_id <> $2"))];

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<StoredBytesFit>(
            Fits,
            static (a, op) => a.Text(op.UserId).Int((int)op.Kind).Int(op.Added).Int(op.Most),
            static (_, _) => true)
        .On<AccountDataPut>(DataPut, static (a, op) => a
            .Text(op.UserId).Int(op.Room?.Value ?? 0).Text(op.Type).Int(StoredBytesFit.BytesOf(op.Content)))
        .On<DeletedAccountDataForgotten>(DataForgotten, static (a, op) => a.Text(op.UserId))
        .On<RoomRowsOfUserDeleted>(DataOfRoomDeleted, static (a, op) => a.Text(op.UserId).Room(op.Room))
        .On<AccountDataDeleted>(AllDataDeleted, static (a, op) => a.Text(op.UserId))
        .On<FilterCreated>(FilterPut, static (a, op) => a
            .Text(op.UserId).Blob(SHA256.HashData(op.Json.Span)).Int(StoredBytesFit.BytesOf(op.Json)))
        .On<FilterImported>(FilterImportedPut, static (a, op) => a
            .Text(op.UserId).Int(op.FilterId).Int(StoredBytesFit.BytesOf(op.Json)))
        .On<FiltersDeleted>(AllFiltersDeleted, static (a, op) => a.Text(op.UserId))
        .On<DeviceKeysUploaded>(IdentityKeysPut, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Int(StoredBytesFit.BytesOf(op.Json)))
        .On<OneTimeKeyUploaded>(OneTimeKeyPut, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Int(StoredBytesFit.BytesOf(op.Json)))
        .On<FallbackKeyUploaded>(FallbackKeyPut, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Int(StoredBytesFit.BytesOf(op.Json)))
        .On<ClaimedKeysForgotten>(ClaimedForgotten, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Int(op.Keep))
        .On<DeviceDeleted>(static (op, writes) =>
        {
            foreach (var statement in DeviceDeleted)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            }
        })
        .On<OtherDevicesDeleted>(static (op, writes) =>
        {
            foreach (var statement in OthersDeleted)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            }
        });

    /// <summary>The bytes of a kind that a user stores.</summary>
    public ValueTask<long> FindAsync(string userId, StoredKind kind, CancellationToken stop) => reads.FirstAsync(
        Find, (userId, kind), static (a, q) => a.Text(q.userId).Int((int)q.kind), static row => row.Int64(0), stop);

    /// <summary>Statements that count the rows of a table. $1 is the user.</summary>
    private sealed record Counted(StoredKind Kind, string Table, string Column)
    {
        private string Sum =>
            $"COALESCE((SELECT SUM(length({Column}) + {StoredBytesFit.Overhead}) FROM {Table} WHERE user_id = $1";

        /// <summary>Counts a row that is put.</summary>
        /// <param name="bytes">The bytes of the new row.</param>
        /// <param name="replaced">Finds the row that is replaced.</param>
        /// <param name="condition">Whether the row is put.</param>
        public Statement Put(string bytes, string replaced, string condition = "1 = 1") => Statement.Of($"""
            INSERT INTO stored_bytes (user_id, kind, bytes) SELECT $1, {(int)Kind}, {bytes} WHERE {condition}
            ON CONFLICT (user_id, kind) DO UPDATE SET bytes = stored_bytes.bytes + excluded.bytes
                - {Sum} AND {replaced}), 0)
            """);

        /// <summary>Counts rows that are deleted.</summary>
        public Statement Delete(string where) => Statement.Of($"""
            UPDATE stored_bytes SET bytes = bytes - {Sum} AND {where}), 0)
            WHERE user_id = $1 AND kind = {(int)Kind}
            """);

        /// <summary>Counts nothing from then on.</summary>
        public Statement DeleteAll() => Statement.Of(
            $"DELETE FROM stored_bytes WHERE user_id = $1 AND kind = {(int)Kind}");
    }
}

/// <summary>What users store.</summary>
public enum StoredKind
{
    /// <summary>Account data, also of rooms.</summary>
    AccountData = 1,

    /// <summary>Filters.</summary>
    Filters = 2,

    /// <summary>Identity, one-time and fallback keys of all devices.</summary>
    DeviceKeys = 3,
}

/// <summary>
/// Applies if a user may store so many more bytes; changes nothing. What does not grow applies beyond the bound too.
/// </summary>
/// <param name="Added">The bytes that come; negative if there will be fewer.</param>
/// <param name="Most">The most bytes of the kind.</param>
public sealed record StoredBytesFit(string UserId, StoredKind Kind, long Added, long Most) : ConditionalChange
{
    /// <summary>The bytes that each row counts besides its own.</summary>
    public const int Overhead = 200;

    /// <summary>The bytes that a row counts.</summary>
    public static long BytesOf(ReadOnlyMemory<byte> content) => content.Length + Overhead;
}
