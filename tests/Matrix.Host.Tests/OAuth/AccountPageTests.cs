using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.OAuth;

/// <summary>The actions of the account management page.</summary>
internal sealed class AccountPageTests
{
    private const string Account = OAuthActions.Root + "account";

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestBrowser _browser = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await OAuthActions.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _browser = await TestBrowser.SignedInAsync(_server, _alice);
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase("org.matrix.profile", "Display name")]
    [TestCase("org.matrix.devices_list", "Last seen")]
    [TestCase("org.matrix.sessions_list", "Last seen")]
    [TestCase("org.matrix.device_view", "Rename")]
    [TestCase("org.matrix.session_view", "Rename")]
    [TestCase("org.matrix.device_delete", "Sign the device out")]
    [TestCase("org.matrix.session_end", "Sign the device out")]
    [TestCase("org.matrix.account_deactivate", "End your account")]
    [TestCase("org.matrix.cross_signing_reset", "Reset your encryption identity")]
    [TestCase("org.example.unknown", "Display name")]
    public async Task A_link_by_an_actions_name_leads_there_through_the_sign_in(string action, string text)
    {
        var path = $"{Account}?action={action}&device_id={_alice.DeviceId}";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(path);
        var signIn = browser.Location!;
        await browser.OpensAsync(signIn);
        await browser.SubmitsAsync(signIn, ("username", "alice"), ("password", _alice.Password));
        await browser.OpensAsync(browser.Location!);
        Assert.That(browser.Page.Status, Is.EqualTo(200));
        Assert.That(browser.Page.Text, Does.Contain(text));
    }

    [Test]
    public async Task A_device_is_signed_out_once_the_password_is_given_again()
    {
        var phone = await _alice.LogsInAsync("PHONE");
        var path = $"{Account}?action=org.matrix.device_delete&device_id=PHONE";
        await _browser.OpensAsync(path);
        await _browser.SubmitsAsync(path);
        Assert.That(_browser.Page.Status, Is.EqualTo(403));
        await _browser.SubmitsAsync(path, ("password", "wrong"));
        Assert.That(_browser.Page.Status, Is.EqualTo(403));
        (await phone.GetAsync("account/whoami")).Is(200);
        await _browser.PostsAsync(path, ("password", _alice.Password));
        Assert.That(_browser.Page.Status, Is.EqualTo(403), "Without the form's token.");
        (await phone.GetAsync("account/whoami")).Is(200);

        await _browser.SubmitsAsync(path, ("password", _alice.Password));
        Assert.That(_browser.Page.Status, Is.EqualTo(200));
        (await phone.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await _alice.GetAsync("account/whoami")).Is(200);
        Assert.That((await _browser.OpensAsync(path)).Status, Is.EqualTo(404));
    }

    [Test]
    public async Task Nobody_sees_or_ends_the_devices_of_others()
    {
        var bob = await _server.RegistersAsync("bob");
        foreach (var action in new[] { "device_view", "device_delete" })
        {
            var path = $"{Account}?action=org.matrix.{action}&device_id={bob.DeviceId}";
            Assert.That((await _browser.OpensAsync(path)).Status, Is.EqualTo(404));
            await _browser.SubmitsAsync(path, ("password", _alice.Password), ("name", "mine"));
        }

        (await bob.GetAsync("account/whoami")).Is(200);
        Assert.That((await bob.GetAsync("devices")).Text, Does.Not.Contain("mine"));
    }

    [Test]
    public async Task The_display_name_and_a_devices_name_are_changed()
    {
        await _browser.OpensAsync(Account);
        await _browser.SubmitsAsync($"{Account}?action=org.matrix.profile", ("name", "Alice <3"));
        Assert.That(_browser.Page.Text, Does.Contain("value=\"Alice &lt;3\""));
        Assert.That(
            (await _alice.GetAsync($"profile/{_alice.UserId}/displayname")).Member("displayname"),
            Is.EqualTo("Alice <3"));

        var device = $"{Account}?action=org.matrix.device_view&device_id={_alice.DeviceId}";
        await _browser.SubmitsAsync(device, ("name", "My phone"));
        Assert.That(
            (await _alice.GetAsync($"devices/{_alice.DeviceId}")).Member("display_name"), Is.EqualTo("My phone"));
        Assert.That((await _browser.SubmitsAsync(device, ("name", new string('x', 256)))).Status, Is.EqualTo(400));
    }

    [Test]
    public async Task Devices_of_one_name_are_told_apart_and_a_device_without_a_name_can_be_opened()
    {
        await _alice.LogsInAsync("PHONE");
        await _alice.LogsInAsync("TABLET");
        await _alice.LogsInAsync("CAR");
        foreach (var (id, name) in new[] { ("PHONE", "Element"), ("TABLET", "Element"), ("CAR", " ") })
        {
            (await _alice.PutAsync($"devices/{id}", new JsonObject { ["display_name"] = name })).Is(200);
        }

        await _browser.OpensAsync($"{Account}?action=org.matrix.devices_list");
        foreach (var (id, name, note) in new[]
        {
            ("PHONE", "Element", "PHONE"), ("TABLET", "Element", "TABLET"), ("CAR", "CAR", ""),
        })
        {
            Assert.That(_browser.Page.Text, Does.Match($"device_id={id}\">\\s*{name}</a>[^<]*<span[^>]*>{note}<"));
        }

        await _browser.OpensAsync($"{Account}?action=org.matrix.device_view&device_id=CAR");
        Assert.That(_browser.Page.Text, Does.Contain("<h1>CAR</h1>").And.Contain("<dd>none</dd>"));
    }

    [Test]
    public async Task An_account_without_devices_is_told_so()
    {
        (await _alice.PostAsync("logout")).Is(200);
        await _browser.OpensAsync($"{Account}?action=org.matrix.devices_list");
        Assert.That(_browser.Page.Text, Does.Contain("No device is signed in.").And.Not.Contain("<table"));
    }

    [TestCase("yes")]
    [TestCase("")]
    public async Task The_password_is_changed_with_the_old_one(string logOut)
    {
        var path = $"{Account}?action=password";
        await _browser.OpensAsync(path);
        Assert.That(_browser.Page.Text, Does.Contain("at least 8 characters"), "Before a mistake.");
        await _browser.SubmitsAsync(
            path, ("password", "wrong"), ("new_password", "another one"), ("new_password_again", "another one"));
        Assert.That(_browser.Page.Status, Is.EqualTo(403));
        await _browser.SubmitsAsync(
            path, ("password", _alice.Password), ("new_password", "short"), ("new_password_again", "short"));
        Assert.That(_browser.Page.Status, Is.EqualTo(400));
        await _browser.SubmitsAsync(
            path, ("password", _alice.Password), ("new_password", "another one"), ("new_password_again", "another one"),
            ("log_out", logOut));
        Assert.That(_browser.Page.Status, Is.EqualTo(200));
        Assert.That(
            _browser.Page.Text, Does.Contain("Sign in again with the new one.").And.Not.Contain("You are signed in"));
        Assert.That((await _alice.GetAsync("account/whoami")).Status, Is.EqualTo(logOut == "yes" ? 401 : 200));
        Assert.That((await _browser.OpensAsync(path)).Status, Is.EqualTo(303), "The sign-in ended.");
    }

    [Test]
    public async Task A_locked_user_is_not_signed_in_and_gets_no_tokens()
    {
        var client = await _server.RegistersClientAsync();
        var tokens = await _server.SignsInAsync(_alice, new Authorization(client, "LAPTOP"), _browser);
        var moderation = _server.Services.GetRequiredService<AccountModeration>();
        await moderation.LockAsync(AdminActor.Operator, _alice.UserId, true, CancellationToken.None);
        Assert.That((await _browser.OpensAsync(Account)).Status, Is.EqualTo(303), "To the sign-in.");

        // A client would end its session after a 4xx.
        (await _server.RefreshesAsync(client, tokens.Member("refresh_token"))).IsError(503, "temporarily_unavailable");

        await moderation.LockAsync(AdminActor.Operator, _alice.UserId, false, CancellationToken.None);
        (await _server.RefreshesAsync(client, tokens.Member("refresh_token"))).Is(200);
    }

    [Test]
    public async Task A_suspended_user_does_not_change_the_display_name()
    {
        var moderation = _server.Services.GetRequiredService<AccountModeration>();
        await moderation.SuspendAsync(AdminActor.Operator, _alice.UserId, true, CancellationToken.None);
        await _browser.OpensAsync(Account);
        await _browser.SubmitsAsync($"{Account}?action=org.matrix.profile", ("name", "Buy this"));
        Assert.That(_browser.Page.Status, Is.EqualTo(403));
        Assert.That((await _alice.GetAsync($"profile/{_alice.UserId}")).Text, Does.Not.Contain("Buy this"));
    }

    [Test]
    public async Task A_client_of_an_administrator_does_not_administer_the_server()
    {
        var makesAdmin = Batches.New(1).Add(new AdminChanged(_alice.UserId, true));
        await _server.Services.GetRequiredService<IStorageWriter>().WriteAsync(makesAdmin, CancellationToken.None);
        var client = await _server.RegistersClientAsync();
        var tokens = await _server.SignsInAsync(_alice, new Authorization(client, "LAPTOP"), _browser);
        var app = new TestClient(_server, tokens.Member("access_token"));
        (await app.GetAsync("/_synapse/admin/v2/users")).Is(403, "M_FORBIDDEN");
        (await _alice.GetAsync("/_synapse/admin/v2/users")).Is(200);
    }

    [Test]
    public async Task The_account_ends_with_the_password_and_a_box_ticked()
    {
        var path = $"{Account}?action=org.matrix.account_deactivate";
        await _browser.OpensAsync(path);
        await _browser.SubmitsAsync(path, ("password", _alice.Password));
        Assert.That(_browser.Page.Status, Is.EqualTo(400));
        await _browser.SubmitsAsync(path, ("password", "wrong"), ("sure", "yes"));
        Assert.That(_browser.Page.Status, Is.EqualTo(403));
        (await _alice.GetAsync("account/whoami")).Is(200);
        await _browser.SubmitsAsync(path, ("password", _alice.Password), ("sure", "yes"));
        Assert.That(_browser.Page.Status, Is.EqualTo(200));
        Assert.That(_browser.Page.Text, Does.Contain("has ended").And.Not.Contain("You are signed in"));
        (await _alice.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((await _browser.OpensAsync(path)).Status, Is.EqualTo(303), "Nobody is signed in any more.");
    }
}
