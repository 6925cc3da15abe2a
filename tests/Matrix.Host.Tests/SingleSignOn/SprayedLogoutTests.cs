using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.SingleSignOn;

/// <summary>
/// What a logout by the provider ends at the other nodes than that which the provider told. Each request goes to a node
/// that is drawn, and each session is in a shard of its own.
/// </summary>
[Category(TestDatabase.Postgres)]
internal sealed class SprayedLogoutTests
{
    /// <summary>Enough that nearly surely one is at another node than its logout.</summary>
    private const int Sessions = 8;

    private TestProvider _provider = null!;
    private TestServer _cluster = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _provider = await TestProvider.StartAsync();
        _cluster = await SsoActions.StartNodesAsync(_provider.Config());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _cluster.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Test]
    public async Task Browsers_are_signed_out()
    {
        var browsers = new List<TestBrowser>();
        for (var n = 0; n < Sessions; n++)
        {
            var browser = new TestBrowser(_cluster);
            await browser.OpensAsync($"{OAuthActions.Root}sso/start/corp?continue=%2F_matrix%2Foauth2%2Faccount");
            await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice", $"browser {n}"));
            await browser.OpensAsync(OAuthActions.Root + "account");
            Assert.That(browser.Page.Status, Is.EqualTo(200));
            browsers.Add(browser);
        }

        for (var n = 0; n < Sessions; n++)
        {
            await LogsOutAsync($"browser {n}");
            await browsers[n].OpensAsync(OAuthActions.Root + "account");
            Assert.That(browsers[n].Location, Does.StartWith(OAuthActions.Root + "sign-in"));
        }
    }

    [Test]
    public async Task People_who_choose_a_name_do_not_wait_any_more()
    {
        await _cluster.RegistersAsync("carol");
        var waiting = new List<(TestBrowser Browser, string Page)>();
        for (var n = 0; n < Sessions; n++)
        {
            // The name is taken, so they have to choose another one.
            var browser = new TestBrowser(_cluster);
            await browser.OpensAsync(SsoActions.RedirectPath());
            await browser.OpensAsync(_provider.SignsIn(browser.Location!, $"c{n}", "carol", $"newcomer {n}"));
            var page = browser.Location!;
            await browser.OpensAsync(page);
            Assert.That(browser.Page.Status, Is.EqualTo(200));
            waiting.Add((browser, page));
        }

        for (var n = 0; n < Sessions; n++)
        {
            await LogsOutAsync($"newcomer {n}");
            await waiting[n].Browser.SubmitsAsync(waiting[n].Page, ("username", $"carol{n}"));
            Assert.That(waiting[n].Browser.Page.Status, Is.EqualTo(400));
        }
    }

    private async Task LogsOutAsync(string session) =>
        (await _cluster.LogsOutAsync(_provider.LogoutToken(claims => claims["sid"] = session))).Is(200);
}
