using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Tests.Storage;
using Matrix.Host.Users;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Tests.Accounts;

/// <summary>Tokens of versions that did not record who logged a device in.</summary>
internal sealed class OlderTokensTests(string kind) : StorageTests(kind)
{
    private const string Boss = "@boss:example.org";
    private const string Token = "mat_older";

    private static readonly string _hash = Convert.ToHexString(TokenHash.BytesOf(Token));

    private static readonly string _rows = $"""

        INSERT INTO users (user_id, kind, is_admin, erased, created_at) VALUES ('{Boss}', 0, 1, 0, 0);
        INSERT INTO devices (user_id, device_id, created_at) VALUES ('{Boss}', 'PHONE', 0);
        INSERT INTO tokens (kind, confirmed, generation, user_id, device_id, hash)
        VALUES (0, 1, 1, '{Boss}', 'PHONE', X'{_hash}'); -- SQLite only
        VALUES (0, 1, 1, '{Boss}', 'PHONE', '\x{_hash}'); -- PostgreSQL only
        """;

    [TestCase("@_irc_.*", true)]
    [TestCase("@.*", false)]
    public async Task They_administer_unless_a_service_could_have_made_them(string regex, bool administers)
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "sessions_of_tokens")];
        before[^1] = before[^1] with { Text = before[^1].Text + _rows };
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        await Store.DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var bridge = new AppService("example.org", "token", "_bridge")
        {
            Id = "bridge",
            HomeserverToken = "other",
            Namespaces = Namespaces.None with { Users = [new Namespace(regex, isExclusive: false)] },
        };
        var tokens = new AccessTokens(
            Store.Accounts,
            Store.Writer,
            new UsersOptions { ServerName = "example.org" },
            new AppServiceDirectory([bridge]),
            Time);
        var found = await tokens.FindAsync(new BearerToken(Token), "127.0.0.1", userAgent: null, Stop);
        var goesOn = await tokens.GoesOnAsync(found.Caller!, Stop);

        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(found.Caller?.IsAdmin, Is.EqualTo(administers));
        Assert.That(goesOn);
    }
}
