using Matrix.Core.Presence;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Presence;

namespace Matrix.Host.Tests.Imported;

/// <summary>What clients that go on after an import are sent of the presence that Synapse showed them.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ImportedPresenceTests(string kind)
{
    private const long At = 40;

    private ImportedServer _imported = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [TearDown]
    public async Task StopAsync() => await _imported.DisposeAsync();

    [Test]
    public async Task Who_comes_back_as_clients_know_them_is_not_news()
    {
        await ImportAsync();
        await _bob.SyncsAsync(ImportedServer.Token());
        await Until.HoldsAsync(async () => SeenOf(_bob, await _alice.SyncsAsync()).Contains("online"));

        Assert.That(SeenOf(_bob, await _alice.SyncsAsync(ImportedServer.Token(presence: At))), Is.Empty);
    }

    [Test]
    public async Task A_change_that_Synapse_had_after_the_token_is_news()
    {
        await ImportAsync();

        await Until.HoldsAsync(async () =>
            SeenOf(_bob, await _alice.SyncsAsync(ImportedServer.Token(presence: At - 1))).Contains("online"));
    }

    [Test]
    public async Task Who_does_not_come_back_is_shown_as_offline_to_clients_that_knew_them_as_online()
    {
        await ImportAsync(("presence.offline_after", "1s"));

        await Until.HoldsAsync(async () =>
            SeenOf(_bob, await _alice.SyncsAsync(ImportedServer.Token(presence: At))).Contains("offline"));
    }

    private static IEnumerable<string?> SeenOf(TestUser user, SyncReply sync) => sync.Presence
        .Where(each => (string?)each["sender"] == user.UserId).Select(each => (string?)each["content"]!["presence"]);

    /// <summary>Alice and Bob share a room. Synapse showed Bob as online.</summary>
    private async Task ImportAsync(params (string, string)[] settings)
    {
        _imported = await ImportedServer.StartAsync(
            kind,
            [
                ("presence.mode", "on"), ("presence.gather_time", "1ms"), ("presence.change_interval", "1ms"),
                .. settings,
            ]);
        _alice = await _imported.Server.RegistersAsync("alice");
        _bob = await _imported.Server.RegistersAsync("bob");
        await _bob.JoinsAsync(await _alice.CreatesRoomAsync());
        Change shown = new PresenceStopped(new PresentUser(
            _bob.UserId, (int)PresenceState.Online, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            IsActive: true, ImportedAt: At));
        await _imported.ImportAsync((At, shown));
    }
}
