using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.Caching;

namespace Matrix.Host.Users.AccountData;

/// <summary>
/// The users whom a user ignores, in memory: account data `m.ignored_user_list`. Client-Server API, "Ignoring Users".
/// </summary>
public sealed class IgnoredUsers(IAccountDataTable accountData, long cacheBytes) : IChangeConsumer
{
    private static readonly IReadOnlySet<string> _nobody = new HashSet<string>();

    private readonly AccountDataCache<IReadOnlySet<string>> _ignored = new(
        accountData,
        "m.ignored_user_list",
        static (_, row) => row is null ? _nobody : Parse(row.Content.Span),
        cacheBytes,
        static users => 50 + users.Sum(static user => 60 + (2L * user.Length)));

    /// <summary>The users whom a user ignores.</summary>
    public ValueTask<IReadOnlySet<string>> OfAsync(string userId, CancellationToken stop) =>
        _ignored.OfAsync(userId, stop);

    /// <inheritdoc/>
    public void Take(Change change, long position) => _ignored.Take(change, position);

    /// <inheritdoc/>
    public void Missed(long through) => _ignored.Missed(through);

    private static IReadOnlySet<string> Parse(ReadOnlySpan<byte> content)
    {
        // Clients write this content, in any shape. Content that has no list of users ignores nobody.
        var reader = new Utf8JsonReader(content, new JsonReaderOptions { MaxDepth = JsonText.ClientBodyLimits.Depth });
        var users = new HashSet<string>(StringComparer.Ordinal);
        bool inList = false;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName) continue;
            if (reader.CurrentDepth == 1) inList = reader.ValueTextEquals("ignored_users"u8);
            else if (reader.CurrentDepth == 2 && inList) users.Add(reader.GetString() ?? "");
        }

        return users.Count == 0 ? _nobody : users;
    }
}
