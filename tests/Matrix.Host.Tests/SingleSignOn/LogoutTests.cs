using System.Reflection;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Tests.OAuth;
using Matrix.Host.Users.SingleSignOn;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.SingleSignOn;

/// <summary>What a logout by the provider ends beside devices, and that it ends it in any case.</summary>
internal sealed class LogoutTests
{
    private TestProvider _provider = null!;
    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _provider = await TestProvider.StartAsync();
        _server = await SsoActions.StartAsync(_provider.Config(), ("sso.login_token_lifetime", "1h"));
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [TestCase("one", "one", null)]
    [TestCase("one", null, "s1")]
    [TestCase(null, "one", "s1")]
    public async Task What_the_session_granted_and_nobody_has_redeemed_ends(
        string? signedIn, string? session, string? subject)
    {
        var browser = new TestBrowser(_server);
        await browser.OpensAsync($"{OAuthActions.Root}sso/start/corp?continue=%2F_matrix%2Foauth2%2Faccount");
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice", signedIn));
        var asked = new Authorization(await _server.RegistersClientAsync(), "DEVICE0001");
        var code = (await browser.AllowsAsync(asked))["code"]!;
        var device = (await _server.Anyone.FormAsync(
            OAuthActions.Root + "device", ("client_id", asked.ClientId),
            ("scope", $"{OAuthActions.Api} urn:matrix:client:device:TELEVISION"))).Is(200);
        const string link = OAuthActions.Root + "link";
        await browser.OpensAsync(link);
        await browser.SubmitsAsync(link, ("user_code", device.Member("user_code")), ("decision", "allow"));
        Assert.That(browser.Page.Text, Does.Contain("The device is signed in"));
        await browser.OpensAsync(
            $"{OAuthActions.Root}login-token?redirectUrl={Uri.EscapeDataString(SsoActions.Client)}");
        var loginToken = SsoActions.TokenOf(browser.Location);

        (await LogsOutAsync(session, subject)).Is(200);
        (await _server.ExchangesAsync(asked, code)).IsError(400, "invalid_grant");
        (await _server.Anyone.FormAsync(
            OAuthActions.Root + "token", ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", asked.ClientId), ("device_code", device.Member("device_code"))))
            .IsError(400, "invalid_grant");
        (await _server.LogsInByTokenAsync(loginToken)).Is(403, "M_FORBIDDEN");
        await browser.OpensAsync(OAuthActions.Root + "account");
        Assert.That(browser.Location, Does.StartWith(OAuthActions.Root + "sign-in"));
    }

    [Test]
    public async Task A_session_whose_id_is_not_known_ends_with_any_of_its_person()
    {
        var unnamed = await ClientOfAsync("s1", "alice");
        var other = await ClientOfAsync("s1", "alice", "two");
        var bob = await ClientOfAsync("s2", "bob");
        (await LogsOutAsync("one", "s1")).Is(200);
        (await unnamed.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await other.GetAsync("account/whoami")).Is(200);
        (await bob.GetAsync("account/whoami")).Is(200);
    }

    [TestCase("one", null)]
    [TestCase(null, "s2")]
    public async Task A_person_who_chooses_a_name_does_not_wait_any_more(string? session, string? subject)
    {
        await _server.RegistersAsync("carol");
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s2", "carol", "one"));
        var page = browser.Location!;
        await browser.OpensAsync(page);
        (await LogsOutAsync("two", "s2")).Is(200);
        await browser.OpensAsync(page);
        Assert.That(browser.Page.Status, Is.EqualTo(200), "It was another session.");
        (await LogsOutAsync(session, subject)).Is(200);
        await browser.SubmitsAsync(page, ("username", "carol2"));
        Assert.That(browser.Page.Status, Is.EqualTo(400));
    }

    [Test]
    public async Task A_logout_goes_on_when_the_provider_hangs_up()
    {
        using var hangsUp = new CancellationTokenSource();
        var client = await ClientWhileAsync(hangsUp.CancelAsync);
        var token = _provider.LogoutToken(static claims => claims["sid"] = "one");
        await Logouts.EndAsync(Provider, token, hangsUp.Token);
        (await client.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_logout_that_failed_may_come_again()
    {
        var fails = true;
        var client = await ClientWhileAsync(() => fails
            ? throw new StorageException(StorageFailure.Refused, "The disk is full.")
            : Task.CompletedTask);
        var token = _provider.LogoutToken(static claims => claims["sid"] = "one");
        Assert.ThrowsAsync<StorageException>(async () =>
            await Logouts.EndAsync(Provider, token, CancellationToken.None));
        fails = false;
        (await _server.LogsOutAsync(token)).Is(200);
        (await client.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((await _server.LogsOutAsync(token)).Status, Is.EqualTo(400), "Once it was carried out, no more.");
    }

    [Test]
    public async Task A_token_of_a_provider_whose_clock_is_ahead_counts_once_too()
    {
        var token = _provider.LogoutToken(static claims =>
            (claims["sid"], claims["iat"], claims["exp"]) = ("one", TestProvider.Now + 50, TestProvider.Now + 3600));
        (await _server.LogsOutAsync(token)).Is(200);
        _server.Ahead = TimeSpan.FromMinutes(10.4);
        Assert.That((await _server.LogsOutAsync(token)).Status, Is.EqualTo(400));
    }

    private SsoLogouts Logouts => _server.Services.GetRequiredService<SsoLogouts>();

    private SsoProvider Provider => _server.Services.GetRequiredService<SsoOptions>().Find("corp")!;

    private Task<Reply> LogsOutAsync(string? session, string? subject) =>
        _server.LogsOutAsync(_provider.LogoutToken(claims =>
        {
            if (session is not null) claims["sid"] = session;
            if (subject is not null) claims["sub"] = subject;
        }));

    private async Task<TestClient> ClientOfAsync(string subject, string name, string? session = null) =>
        new(_server, (await _server.ComesFromAsync(_provider, subject, name, session)).Member("access_token"));

    /// <summary>A client of the session `one`, on a server on which something happens during each logout.</summary>
    private async Task<TestClient> ClientWhileAsync(Func<Task> happens)
    {
        _server.Replaces = parts => parts.AddSingleton(made =>
        {
            var sessions = AfterSessions.Of(made.GetRequiredService<ISingleSignOnTable>(), happens);
            return ActivatorUtilities.CreateInstance<SsoLogouts>(made, sessions);
        });
        await _server.RestartAsync();
        return await ClientOfAsync("s1", "alice", "one");
    }
}

/// <summary>Single sign-on with a callback after each read of sessions.</summary>
public class AfterSessions : DispatchProxy
{
    private ISingleSignOnTable _table = null!;
    private Func<Task> _happens = null!;

    internal static ISingleSignOnTable Of(ISingleSignOnTable table, Func<Task> happens)
    {
        var proxy = Create<ISingleSignOnTable, AfterSessions>();
        var self = (AfterSessions)(object)proxy;
        (self._table, self._happens) = (table, happens);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var answer = targetMethod!.Invoke(_table, args);
        return answer is ValueTask<IReadOnlyList<SsoSessionRow>> reading
            ? new ValueTask<IReadOnlyList<SsoSessionRow>>(ReadAsync(reading))
            : answer;
    }

    private async Task<IReadOnlyList<SsoSessionRow>> ReadAsync(
        ValueTask<IReadOnlyList<SsoSessionRow>> reading)
    {
        var read = await reading;
        await _happens();
        return read;
    }
}
