using System.Buffers.Binary;
using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Filters;

/// <summary>Filters. v1.19 client-server-api#filtering</summary>
public sealed class FiltersTable(IReads reads)
{
    private static readonly Statement Find = Statement.Of(
        "SELECT json FROM filters WHERE user_id = $1 AND filter_id = $2");

    private static readonly Statement FindId = Statement.Of(
        "SELECT filter_id FROM filters WHERE user_id = $1 AND hash = $2");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO filters (user_id, filter_id, hash, json)
        VALUES ($1, (SELECT COALESCE(MAX(filter_id) + 1, 0) FROM filters WHERE user_id = $1), $2, $3)
        ON CONFLICT (user_id, hash) DO UPDATE SET hash = excluded.hash RETURNING filter_id
        """);

    private static readonly Statement DeleteAll = Statement.Of("DELETE FROM filters WHERE user_id = $1");

    // A filter that is equal to another one of the user keeps its id too: it is stored under the second hash.
    private static readonly Statement Import = Statement.Of("""
        INSERT INTO filters (user_id, filter_id, hash, json) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<FilterImported>(static (op, writes) =>
        {
            Span<byte> id = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(id, op.FilterId);
            byte[] other = [.. id, .. op.Json.Span];
            foreach (var hash in (ReadOnlySpan<byte[]>)[SHA256.HashData(op.Json.Span), SHA256.HashData(other)])
            {
                writes.Run(Import, (op, hash), static (a, q) => a
                    .Text(q.op.UserId).Int(q.op.FilterId).Blob(q.hash).Blob(q.op.Json));
            }
        })
        .OnCondition<FilterCreated>(
            Put,
            static (a, op) => a.Text(op.UserId).Blob(SHA256.HashData(op.Json.Span)).Blob(op.Json),
            static (op, row) =>
            {
                op.FilterId = row.Int64(0);
                return true;
            })
        .On<FiltersDeleted>(DeleteAll, static (a, op) => a.Text(op.UserId));

    /// <summary>A user's filter as JSON; null if there is none.</summary>
    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        string userId, long filterId, CancellationToken stop) => reads.FirstAsync(
        Find,
        (userId, filterId),
        static (a, q) => a.Text(q.userId).Int(q.filterId),
        static row => (ReadOnlyMemory<byte>?)row.Blob(0),
        stop);

    /// <summary>The id of a user's filter that is equal to this canonical JSON; null if there is none.</summary>
    public ValueTask<long?> FindIdAsync(
        string userId, ReadOnlyMemory<byte> json, CancellationToken stop) => reads.FirstAsync(
        FindId,
        (userId, json),
        static (a, q) => a.Text(q.userId).Blob(SHA256.HashData(q.json.Span)),
        static row => (long?)row.Int64(0),
        stop);
}

/// <summary>Stores a filter; the same filter of the same user is stored once.</summary>
/// <param name="Json">The filter as canonical JSON.</param>
public sealed record FilterCreated(string UserId, ReadOnlyMemory<byte> Json) : ConditionalChange
{
    /// <summary>The filter's id, counted from 0 for each user. The change is always applied.</summary>
    public long FilterId { get; internal set; }

    internal override int Weight => 200 + Json.Length;
}

/// <summary>A filter of another server, which keeps its id: clients go on naming it.</summary>
/// <param name="Json">The filter as canonical JSON.</param>
public sealed record FilterImported(string UserId, long FilterId, ReadOnlyMemory<byte> Json) : Change
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>Deletes all filters of a user whose account ends.</summary>
public sealed record FiltersDeleted(string UserId) : Change;
