using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables.ServerKeys;

namespace Matrix.Host.Tests.Storage;

/// <summary>Signing keys of other servers.</summary>
internal sealed class ServerKeysTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task A_fetch_replaces_the_keys_of_its_server_only()
    {
        await Write(new ServerKeysFetched("a.example", [Key("ed25519:1", 1), Key("ed25519:2", 2)]));
        await Write(new ServerKeysFetched("b.example", [Key("ed25519:1", 3)]));
        await Write(new ServerKeysFetched(
            "a.example", [Key("ed25519:2", 4), Key("ed25519:3", 5) with { ExpiredAt = 7 }]));

        Assert.That(await Shown("a.example"), Is.EqualTo(new[] { "ed25519:2 4 4 104", "ed25519:3 5 5 7 105" }));
        Assert.That(await Shown("b.example"), Is.EqualTo(new[] { "ed25519:1 3 3 103" }));
        Assert.That(await Shown("c.example"), Is.Empty);
    }

    [Test]
    public async Task Keys_survive_a_restart()
    {
        await Write(new ServerKeysFetched("a.example", [Key("ed25519:1", 1)]));

        await ReopenAsync();

        Assert.That(await Shown("a.example"), Is.EqualTo(new[] { "ed25519:1 1 1 101" }));
    }

    [Test]
    public async Task A_database_of_before_gets_the_table()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, [.. Migration.All.Take(8)], Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        await Write(new ServerKeysFetched("a.example", [Key("ed25519:1", 1)]));
        var shown = await Shown("a.example");
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(shown, Is.EqualTo(new[] { "ed25519:1 1 1 101" }));
    }

    [Test]
    public async Task Responses_are_kept_in_order_until_others_replace_them()
    {
        await Write(
            new ServerKeysFetched("a.example", [Key("ed25519:1", 1)], [Response("new", 7), Response("old", 5)]));
        await Write(new ServerKeysFetched("b.example", [Key("ed25519:1", 1)], [Response("other", 6)]));
        await Write(new ServerKeysFetched("a.example", [Key("ed25519:2", 1)]));
        Assert.That(await Responses("a.example"), Is.EqualTo(new[] { "new 7", "old 5" }));

        await Write(new ServerKeysFetched("a.example", [], [Response("newer", 8), Response("new", 7)]));
        await Write(new ServerKeysFetched("b.example", [], []));
        await ReopenAsync();

        Assert.That(await Responses("a.example"), Is.EqualTo(new[] { "newer 8", "new 7" }));
        Assert.That(await Responses("b.example"), Is.Empty);
    }

    [Test]
    public async Task The_response_in_a_database_without_earlier_ones_stays_the_latest()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var at = Migration.All.Index().First(each => each.Item.Name == "earlier_key_responses").Index;
        const string columns = "INSERT INTO server_key_responses (server_name, response, fetched_at) VALUES ";
        var before = Migration.All[at - 1] with
        {
            Text = Migration.All[at - 1].Text + $"""

                {columns} ('a.example', x'6f6e65', 7); -- SQLite only
                {columns} ('a.example', '\x6f6e65', 7); -- PostgreSQL only
                """,
        };
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, [.. Migration.All.Take(at - 1), before], Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var old = await Responses("a.example");
        await Write(new ServerKeysFetched("a.example", [], [Response("two", 8), Response("one", 7)]));
        var both = await Responses("a.example");
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(old, Is.EqualTo(new[] { "one 7" }));
        Assert.That(both, Is.EqualTo(new[] { "two 8", "one 7" }));
    }

    private static ServerKeyResponse Response(string text, long fetchedAt) =>
        new(Encoding.UTF8.GetBytes(text), fetchedAt);

    private async Task<string[]> Responses(string server) =>
    [
        .. (await Store.ServerKeys.ResponsesAsync(server, Stop))
            .Select(response => $"{Encoding.UTF8.GetString(response.Json.Span)} {response.FetchedAt}"),
    ];

    private static ServerKeyRow Key(string id, byte n) => new(id, new[] { n }, n, null, 100 + n);

    private async Task<string[]> Shown(string server) =>
    [
        .. (await Store.ServerKeys.OfServerAsync(server, Stop)).Select(key => string.Join(
            ' ',
            new object?[] { key.KeyId, key.PublicKey.Span[0], key.ValidUntil, key.ExpiredAt, key.FetchedAt }
                .Where(value => value is not null))),
    ];
}
