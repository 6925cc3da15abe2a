using System.Text.Json;
using Matrix.Host.Rooms.Sync.Board;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Rooms.Sync.Engine;

/// <summary>Whom a user ignores. Client-Server API, "Ignoring Users".</summary>
public sealed class IgnoredUsers(IAccountDataTable accountData)
{
    private static readonly IReadOnlySet<string> _nobody = new HashSet<string>();

    /// <summary>Whom a user ignores, read anew.</summary>
    public async ValueTask<IReadOnlySet<string>> OfAsync(string userId, CancellationToken stop)
    {
        var row = await accountData.FindAsync(userId, null, "m.ignored_user_list", stop).ConfigureAwait(false);
        return row is null ? _nobody : Parse(row.Content.Span);
    }

    /// <summary>The same, as the user's feed remembers it if nothing changed since.</summary>
    internal async ValueTask<IReadOnlySet<string>> OfAsync(string userId, UserFeed? feed, long asOf, CancellationToken stop)
    {
        if (feed?.Ignored is { } known && feed.LastAccountData <= known.AsOf) return known.Users;
        var users = await OfAsync(userId, stop).ConfigureAwait(false);
        if (feed is not null) feed.Ignored = new RememberedIgnored(asOf, users);
        return users;
    }

    private static IReadOnlySet<string> Parse(ReadOnlySpan<byte> content)
    {
        // What a client put there may be of any shape; whatever is no list of users ignores nobody.
        var reader = new Utf8JsonReader(content);
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
