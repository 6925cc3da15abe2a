using Matrix.Core.Cluster;
using Matrix.Host.Api.Admin;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Rendezvous;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Tests.Cluster;

/// <summary>
/// Ids that a node makes are of its own shards. What it knows of one is for requests to this node while it has the
/// shard.
/// </summary>
internal sealed class MintedIdTests
{
    private const string Alice = "@alice:one.test";

    private readonly ManualTime _time = new();
    private MovableShards _shards = null!;

    private ShardGates Gates => _shards.Gates;

    /// <summary>One in eight shards is this node's.</summary>
    [SetUp]
    public async Task SetUpAsync()
    {
        _shards = new MovableShards();
        int[] others = [.. Enumerable.Range(0, Shards.Count).Where(static shard => shard % 8 != 0)];
        await Gates.CloseAsync(others, CancellationToken.None);
    }

    [Test]
    public async Task An_id_is_drawn_until_its_shard_is_here_and_not_for_ever()
    {
        var number = 0;
        for (var round = 0; round < 20; round++)
        {
            var id = MintedIds.Draw(Gates, () => $"{number++}");
            Assert.That(Authority.Minted(id).Shard % 8, Is.Zero);
        }

        Assert.That(number, Is.GreaterThan(20));
        await Gates.CloseAsync([.. Enumerable.Range(0, Shards.Count)], CancellationToken.None);
        var refused = Assert.Throws<StorageException>(() => MintedIds.Draw(Gates, () => $"{number++}"))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.NotOwned));
    }

    [Test]
    public void The_only_server_draws_once()
    {
        var number = 0;
        Assert.That(MintedIds.Draw(ShardGates.AlwaysOpen, () => $"{number++}"), Is.EqualTo("0"));
        Assert.That(number, Is.EqualTo(1));
    }

    [Test]
    public async Task A_session_of_interactive_authentication_is_gone_after_its_shard_was_away()
    {
        var sessions = new AuthSessions(Gates, new ClientOptions { ServerName = "one.test" }, _time);
        var session = sessions.Start("operation", null!, Alice);
        Assert.That(sessions.Find(session.Id), Is.SameAs(session));
        await IsGoneAfterMovingAsync(session.Id, () => sessions.Find(session.Id) is not null);
    }

    [Test]
    public async Task A_nonce_is_used_up_after_its_shard_was_away()
    {
        var nonces = new Nonces(Gates, _time);
        var nonce = nonces.New();
        var used = nonces.New();
        Assert.That(nonces.Use(used), Is.True);
        await IsGoneAfterMovingAsync(nonce, () => nonces.Use(nonce));
    }

    [Test]
    public async Task A_browser_is_signed_out_after_the_shard_of_its_session_was_away()
    {
        var browsers = new BrowserStore<string>(Gates, TimeSpan.FromHours(1), 10, 10, static user => user, _time);
        var session = MintedIds.Draw(Gates, static () => Guid.NewGuid().ToString());
        browsers.Begin(session, Alice);
        browsers.Change(session, static user => user + "!");
        Assert.That(browsers.Find(session), Is.EqualTo(Alice + "!"));

        await IsGoneAfterMovingAsync(session, () => browsers.Find(session) is not null);
        browsers.Change(session, static user => user + "!");
        browsers.Begin(session, Alice);
        Assert.That(browsers.Find(session), Is.EqualTo(Alice));
    }

    [Test]
    public async Task A_sign_in_at_a_provider_and_a_newcomer_are_gone_after_their_shard_was_away()
    {
        var attempts = new SsoAttempts(Gates, new SsoOptions(), _time);
        var browser = MintedIds.Draw(Gates, static () => Guid.NewGuid().ToString());
        var (state, _) = attempts.Begin(null!, browser, new SsoPurpose.SignIn("next"));
        var (ended, _) = attempts.Begin(null!, browser, new SsoPurpose.SignIn("next"));
        Assert.That(attempts.End(ended, browser), Is.Not.Null);
        Assert.That(Authority.Minted(state).Shard, Is.EqualTo(Authority.Minted(browser).Shard));
        attempts.Wait(browser, new SsoNewcomer(null!, "next"));
        Assert.That(attempts.WaitingIn(browser), Is.Not.Null);

        await IsGoneAfterMovingAsync(state, () => attempts.End(state, browser) is not null);
        attempts.Wait(browser, new SsoNewcomer(null!, "next"));
        await IsGoneAfterMovingAsync(browser, () => attempts.WaitingIn(browser) is not null);
        Assert.That(attempts.Leave(browser), Is.False);
    }

    [Test]
    public void A_confirmation_at_a_provider_ends_where_the_request_waits()
    {
        var attempts = new SsoAttempts(Gates, new SsoOptions(), _time);
        var request = MintedIds.Draw(Gates, static () => Guid.NewGuid().ToString());
        var (state, _) = attempts.Begin(null!, "browser", new SsoPurpose.Confirm(request, Alice));

        Assert.That(Authority.Minted(state).Shard, Is.EqualTo(Authority.Minted(request).Shard));
        Assert.That(attempts.End(state, "browser"), Is.Not.Null);
    }

    [Test]
    public async Task A_rendezvous_session_is_gone_after_its_shard_was_away()
    {
        var sessions = new RendezvousSessions(Gates, new RendezvousOptions(), _time);
        var id = sessions.Create(RendezvousForm.Json, "address", default).Payload!.Id;
        Assert.That(sessions.Find(RendezvousForm.Json, id), Is.Not.Null);
        await IsGoneAfterMovingAsync(id, () => sessions.Find(RendezvousForm.Json, id) is not null);
        Assert.That(sessions.Delete(RendezvousForm.Json, id), Is.False);
    }

    [Test]
    public async Task Polls_of_a_device_code_go_to_the_node_that_has_it()
    {
        var polls = new DeviceCodePolls(Gates, new OAuthOptions(), _time);
        var code = MintedIds.Draw(Gates, static () => Guid.NewGuid().ToString());
        Assert.That(TokenHash.TryOf(code, out var hash), Is.True);
        Assert.That((polls.Take(code, hash), polls.Take(code, hash)), Is.EqualTo((true, false)));
        await _shards.CloseAsync(Authority.Minted(code));
        IsNotOwned(() => polls.Take(code, hash));
    }

    [Test]
    public async Task A_confirmation_that_keys_may_be_replaced_is_gone_after_the_users_shard_was_away()
    {
        var resets = new CrossSigningResets(Gates, new OAuthOptions(), _time);
        _shards.Open(Authority.User(Alice));
        resets.Allow(Alice);
        Assert.That(resets.IsAllowed(Alice), Is.True);
        await _shards.CloseAsync(Authority.User(Alice));
        IsNotOwned(() => resets.IsAllowed(Alice));
        IsNotOwned(() => resets.TryUse(Alice));
        IsNotOwned(() => resets.Allow(Alice));
        _shards.Open(Authority.User(Alice));
        Assert.That((resets.IsAllowed(Alice), resets.TryUse(Alice)), Is.EqualTo((false, false)));
        resets.Allow(Alice);
        Assert.That((resets.TryUse(Alice), resets.TryUse(Alice)), Is.EqualTo((true, false)));
    }

    private async Task IsGoneAfterMovingAsync(string id, Func<bool> isThere)
    {
        Assert.That(Authority.Minted(id).Shard % 8, Is.Zero);
        await _shards.CloseAsync(Authority.Minted(id));
        IsNotOwned(() => isThere());
        _shards.Open(Authority.Minted(id));
        Assert.That(isThere(), Is.False);
    }

    private static void IsNotOwned(Action use) => Assert.That(
        use,
        Throws.InstanceOf<StorageException>().With.Property(nameof(StorageException.Failure))
            .EqualTo(StorageFailure.NotOwned));
}
