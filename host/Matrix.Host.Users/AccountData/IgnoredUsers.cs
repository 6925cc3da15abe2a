using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.Caching;

namespace Matrix.Host.Users.AccountData;

/// <summary>
/// The users whom a user ignores, in memory: account data `m.ignored_user_list`. v1.19 client-server-api#ignoring-users
/// </summary>
public sealed class IgnoredUsers(IAccountDataTable accountData, long cacheBytes) : IChangeConsumer
{
    private static readonly IReadOnlySet<string> _nobody = new HashSet<string>();

    private readonly AccountDataCache<IReadOnlySet<string>> _ignored = new(
        accountData,
        EventTypes.IgnoredUserList,
        static (userId, row) => row is null ? _nobody : Parse(userId, row.Content.Span),
        cacheBytes,
        static users => 50 + users.Sum(static user => 60 + (2L * user.Length)));

    /// <summary>The users whom a user ignores.</summary>
    public ValueTask<IReadOnlySet<string>> OfAsync(string userId, CancellationToken stop) =>
        _ignored.OfAsync(userId, stop);

    /// <inheritdoc/>
    public void OnChange(Change change, long position) => _ignored.OnChange(change, position);

    /// <inheritdoc/>
    public void Missed(long through) => _ignored.Missed(through);

    private static IReadOnlySet<string> Parse(string userId, ReadOnlySpan<byte> content)
    {
        // Clients write this content, in any shape. Content that has no list of users ignores nobody, and nobody
        // ignores themselves: their own messages would be lost to them.
        if (!JsonText.TryParseStored(content, out var json)
            || !JsonText.TryGet(json, "ignored_users", out var value)
            || value is not Json.Object { Item: var listed })
        {
            return _nobody;
        }

        var users = listed.Members.Select(static member => member.Item1).ToHashSet(StringComparer.Ordinal);
        users.Remove(userId);
        return users.Count == 0 ? _nobody : users;
    }
}
