using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.StoredBytes;

namespace Matrix.Host.Users.Filters;

/// <summary>Filters that clients store. v1.19 client-server-api#filtering</summary>
public sealed class StoredFilters(
    FiltersTable filtersTable, IStorageWriter writer, UserLocks locks, UsersOptions options)
{
    /// <summary>A stored filter, as JSON; null if the user has no such filter.</summary>
    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(string userId, long filterId, CancellationToken stop) =>
        filtersTable.FindAsync(userId, filterId, stop);

    /// <summary>Stores a filter.</summary>
    /// <returns>Its id. An equal filter of the user keeps its id.</returns>
    public async ValueTask<UserResult<long>> StoreAsync(string userId, JsonObject filter, CancellationToken stop)
    {
        var created = new FilterCreated(userId, CanonicalJson.Bytes(Json.Of(filter)));

        // Requests at once must not exceed the limit together.
        using var held = await locks.TakeAsync(userId, stop);
        if (await filtersTable.FindIdAsync(userId, created.Json, stop) is { } known)
        {
            return known;
        }

        if (await filtersTable.FindAsync(userId, options.Filters - 1, stop) is not null)
        {
            return new UserFailure(UserFailureKind.LimitReached, $"An account has at most {options.Filters} filters.");
        }

        var bytes = StoredBytesFit.BytesOf(created.Json);
        var fits = new StoredBytesFit(userId, StoredKind.Filters, bytes, options.FilterBytes);
        var batch = new WriteBatch(Authority.User(userId), 1).Require(fits).Add(created);
        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(
                UserFailureKind.LimitReached, $"The filters of an account have at most {options.FilterBytes} bytes.")
            : created.FilterId;
    }
}
