using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Users.AccountData;

/// <summary>
/// The users whom a user ignores: account data `m.ignored_user_list`. Client-Server API, "Ignoring Users".
/// </summary>
public sealed class IgnoredUsers(IAccountDataTable accountData)
{
    private static readonly IReadOnlySet<string> _nobody = new HashSet<string>();

    /// <summary>The users whom a user ignores.</summary>
    public async ValueTask<IReadOnlySet<string>> OfAsync(string userId, CancellationToken stop)
    {
        var row = await accountData.FindAsync(userId, null, "m.ignored_user_list", stop).ConfigureAwait(false);
        return row is null ? _nobody : Parse(row.Content.Span);
    }

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
