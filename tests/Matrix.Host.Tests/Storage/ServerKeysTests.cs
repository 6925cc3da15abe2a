using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables.ServerKeys;
using Matrix.Host.Tests.Support;

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

    private static ServerKeyRow Key(string id, byte n) => new(id, new[] { n }, n, null, 100 + n);

    private async Task<string[]> Shown(string server) =>
    [
        .. (await Store.ServerKeys.OfServerAsync(server, Stop)).Select(key => string.Join(
            ' ',
            new object?[] { key.KeyId, key.PublicKey.Span[0], key.ValidUntil, key.ExpiredAt, key.FetchedAt }
                .Where(value => value is not null))),
    ];
}
