using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>Addresses of accounts: registration, login, new passwords, administration.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class AccountTests(string kind)
{
    private const string Address = "alice@mail.example";
    private const string Reset = "account/password/email/requestToken";
    private const string NewPassword = "entirely new";

    private AddressWorld _world = null!;
    private TestUser _alice = null!;

    private TestClient Anyone => _world.Server.Anyone;

    [SetUp]
    public async Task StartAsync()
    {
        _world = await AddressWorld.StartAsync(kind);
        _alice = await _world.Server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    private static JsonObject Proof(string type, string sid, string? session = null, string secret = "secret")
    {
        var auth = new JsonObject
        {
            ["type"] = type,
            ["threepid_creds"] = new JsonObject { ["sid"] = sid, ["client_secret"] = secret },
        };
        if (session is not null) auth["session"] = session;
        return auth;
    }

    private static string[] FlowsOf(Reply reply) =>
        [.. reply.Json["flows"]!.AsArray().Select(flow => string.Join('+', flow!["stages"]!.AsArray()))];

    private Task<Reply> RegistersAsync(string name, JsonObject? auth)
    {
        var body = new JsonObject { ["username"] = name, ["password"] = "long enough" };
        if (auth is not null) body["auth"] = auth;
        return Anyone.PostAsync("register", body);
    }

    private Task<Reply> LogsInAsync(JsonObject identifier, string password) => Anyone.PostAsync(
        "login",
        new JsonObject { ["type"] = "m.login.password", ["identifier"] = identifier, ["password"] = password });

    private static JsonObject ByAddress(string address, string medium = "email") =>
        new() { ["type"] = "m.id.thirdparty", ["medium"] = medium, ["address"] = address };

    private Task<Reply> SetsPasswordAsync(JsonObject? auth, bool logsOut = true, TestClient? by = null)
    {
        var body = new JsonObject { ["new_password"] = NewPassword, ["logout_devices"] = logsOut };
        if (auth is not null) body["auth"] = auth;
        return (by ?? Anyone).PostAsync("account/password", body);
    }

    [Test]
    public async Task An_address_may_be_given_at_registration()
    {
        var asked = (await RegistersAsync("bob", null)).Is(401);
        Assert.That(FlowsOf(asked), Is.EqualTo(new[] { "m.login.dummy", "m.login.email.identity", "m.login.msisdn" }));
        var session = asked.Member("session");
        var sid = (await Anyone.PostAsync("register/email/requestToken", AddressWorld.ByMail("bob@mail.example")))
            .Is(200).Member("sid");
        var link = await _world.NextLinkAsync();
        (await RegistersAsync("bob", Proof("m.login.email.identity", sid, session))).Is(401, "M_FORBIDDEN");
        await _world.PressesAsync(link);
        (await RegistersAsync("bob", Proof("m.login.email.identity", sid, session, "other"))).Is(401, "M_FORBIDDEN");
        (await RegistersAsync("bob", Proof("m.login.msisdn", sid, session))).Is(401, "M_FORBIDDEN");

        var bob = (await RegistersAsync("bob", Proof("m.login.email.identity", sid, session))).Is(200);
        var client = new TestClient(_world.Server, bob.Member("access_token"));
        Assert.That(
            (string?)(await client.GetAsync("account/3pid")).Json["threepids"]![0]!["address"],
            Is.EqualTo("bob@mail.example"));
        (await RegistersAsync("carol", Proof("m.login.email.identity", sid))).Is(401, "M_FORBIDDEN");
    }

    [Test]
    public async Task An_address_that_is_taken_meanwhile_registers_nobody()
    {
        var sid = await _world.ConfirmsAsync("register/email/requestToken", Address);
        var session = (await RegistersAsync("bob", null)).Is(401).Member("session");
        await _world.AddsAsync(_alice, Address);

        (await RegistersAsync("bob", Proof("m.login.email.identity", sid, session))).Is(401, "M_FORBIDDEN");

        (await Anyone.GetAsync("register/available?username=bob")).Is(200);
        Assert.That(await AddressWorld.AddressesAsync(_alice), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task Registration_may_require_addresses()
    {
        await _world.Server.RestartAsync(
            ("registration.requires_email", "true"), ("registration.requires_phone", "true"));
        var asked = (await RegistersAsync("bob", null)).Is(401);
        Assert.That(FlowsOf(asked), Is.EqualTo(new[] { "m.login.msisdn+m.login.email.identity" }));
        var session = asked.Member("session");
        (await RegistersAsync("bob", new JsonObject { ["type"] = "m.login.dummy", ["session"] = session }))
            .Is(401, "M_UNRECOGNIZED");

        var phone = (await Anyone.PostAsync("register/msisdn/requestToken", AddressWorld.ByPhone("07700900001")))
            .Is(200);
        (await Anyone.PostAsync(new Uri(phone.Member("submit_url")).AbsolutePath, new JsonObject
        {
            ["sid"] = phone.Member("sid"),
            ["client_secret"] = "secret",
            ["token"] = await _world.NextCodeAsync(),
        })).Is(200);
        (await RegistersAsync("bob", Proof("m.login.msisdn", phone.Member("sid"), session))).Is(401);
        var sid = await _world.ConfirmsAsync("register/email/requestToken", "bob@mail.example");
        (await RegistersAsync("bob", Proof("m.login.email.identity", sid, session))).Is(200);

        (await LogsInAsync(ByAddress("bob@mail.example"), "long enough")).Is(200);
        (await LogsInAsync(ByAddress("447700900001", "msisdn"), "long enough")).Is(200);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_forgotten_password_is_replaced_by_the_owner_of_the_address(bool logsOut)
    {
        await _world.AddsAsync(_alice, Address);
        var session = (await SetsPasswordAsync(null)).Is(401).Member("session");
        var sid = (await Anyone.PostAsync(Reset, AddressWorld.ByMail(Address))).Is(200).Member("sid");
        var mail = await _world.Smtp.NextAsync();
        (await SetsPasswordAsync(Proof("m.login.email.identity", sid), logsOut)).Is(401, "M_FORBIDDEN");
        var page = await Anyone.GetAsync(AddressWorld.LinkOf(mail.Bodies[0])!);
        Assert.That(page.Text, Does.Contain("whoever started it can choose the password"));
        await _world.PressesAsync(AddressWorld.LinkOf(mail.Bodies[0])!);

        (await SetsPasswordAsync(Proof("m.login.email.identity", sid), logsOut)).Is(200);

        (await LogsInAsync(ByAddress(Address), NewPassword)).Is(200);
        (await LogsInAsync(ByAddress(Address), _alice.Password)).Is(403, "M_FORBIDDEN");
        Assert.That((await _alice.GetAsync("account/whoami")).Status, Is.EqualTo(logsOut ? 401 : 200));
        Assert.That((await _world.Smtp.NextAsync()).Header("Subject"), Does.Contain("was changed"));
        (await SetsPasswordAsync(Proof("m.login.email.identity", sid))).Is(401, "M_FORBIDDEN");
        Assert.That(session, Is.Not.Empty);
    }

    [Test]
    public async Task A_confirmation_serves_the_purpose_that_its_mail_named_and_no_other()
    {
        await _world.AddsAsync(_alice, Address);
        var added = await _world.ConfirmsAsync("account/3pid/email/requestToken", "free@mail.example", "a", _alice);
        (await SetsPasswordAsync(Proof("m.login.email.identity", added, secret: "a"))).Is(401, "M_FORBIDDEN");
        (await RegistersAsync("bob", Proof("m.login.email.identity", added, secret: "a"))).Is(401, "M_FORBIDDEN");
        var reset = await _world.ConfirmsAsync(Reset, Address, "b");
        (await RegistersAsync("bob", Proof("m.login.email.identity", reset, secret: "b"))).Is(401, "M_FORBIDDEN");
        var bob = await _world.Server.RegistersAsync("bob");
        (await AddressWorld.AddAsync(bob, reset, "b")).Is(400, "M_THREEPID_AUTH_FAILED");

        // It is an address of another user than the one who is logged in.
        (await SetsPasswordAsync(Proof("m.login.email.identity", reset, secret: "b"), by: bob)).Is(401, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_session_of_a_removed_address_sets_no_password()
    {
        await _world.AddsAsync(_alice, Address);
        var sid = await _world.ConfirmsAsync(Reset, Address);
        (await _alice.PostAsync("account/3pid/delete", new JsonObject { ["medium"] = "email", ["address"] = Address }))
            .Is(200);

        (await SetsPasswordAsync(Proof("m.login.email.identity", sid))).Is(401, "M_FORBIDDEN");
    }

    [Test]
    public async Task Addresses_and_numbers_log_in_and_unknown_ones_look_the_same()
    {
        await _world.AddsAsync(_alice, Address);
        (await LogsInAsync(ByAddress("Alice@Mail.EXAMPLE"), _alice.Password)).Is(200);
        var wrong = (await LogsInAsync(ByAddress(Address), "wrong")).Is(403, "M_FORBIDDEN");
        var unknown = (await LogsInAsync(ByAddress("nobody@mail.example"), "wrong")).Is(403, "M_FORBIDDEN");
        Assert.That(unknown.Text, Is.EqualTo(wrong.Text));
        (await LogsInAsync(ByAddress("no address"), "wrong")).Is(403, "M_FORBIDDEN");
        (await LogsInAsync(ByAddress("x", "telex"), "wrong")).Is(403, "M_FORBIDDEN");

        var old = new JsonObject
        {
            ["type"] = "m.login.password",
            ["medium"] = "email",
            ["address"] = Address,
            ["password"] = _alice.Password,
        };
        (await Anyone.PostAsync("login", old)).Is(200);

        await SetAsync("msisdn", "447700900001");
        JsonObject Phone(string number, string country) =>
            new() { ["type"] = "m.id.phone", ["phone"] = number, ["country"] = country };
        (await LogsInAsync(Phone("07700 900001", "GB"), _alice.Password)).Is(200);
        (await LogsInAsync(Phone("+44 7700 900001", "DE"), _alice.Password)).Is(200);
        (await LogsInAsync(Phone("07700 900001", "DE"), _alice.Password)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Guesses_are_bounded_alike_for_known_and_unknown_addresses()
    {
        await _world.AddsAsync(_alice, Address);
        await _world.Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.password_burst", "3"),
            ("rate_limits.login_burst", "100"));

        foreach (var address in new[] { Address, "nobody@mail.example" })
        {
            for (var i = 0; i < 3; i++) (await LogsInAsync(ByAddress(address), "wrong")).Is(403, "M_FORBIDDEN");
            (await LogsInAsync(ByAddress(address), "wrong")).Is(429, "M_LIMIT_EXCEEDED");
        }
    }

    [Test]
    public async Task The_password_stage_knows_addresses()
    {
        await _world.AddsAsync(_alice, Address);
        var bob = await _world.Server.RegistersAsync("bob");
        JsonObject Auth(string address, string password) => new()
        {
            ["type"] = "m.login.password",
            ["identifier"] = ByAddress(address),
            ["password"] = password,
        };

        var wrong = (await SetsPasswordAsync(Auth(Address, "wrong"))).Is(403, "M_FORBIDDEN");
        var unknown = (await SetsPasswordAsync(Auth("nobody@mail.example", "wrong"))).Is(403, "M_FORBIDDEN");
        Assert.That(unknown.Text, Is.EqualTo(wrong.Text));
        (await SetsPasswordAsync(Auth(Address, _alice.Password), by: bob)).Is(403, "M_FORBIDDEN");
        (await SetsPasswordAsync(Auth(Address, _alice.Password))).Is(200);
    }

    [Test]
    public async Task Other_addresses_are_told_of_changes()
    {
        await _world.AddsAsync(_alice, Address);
        await _world.AddsAsync(_alice, "second@mail.example");
        var told = await _world.Smtp.NextAsync();
        Assert.That(told.To, Is.EqualTo(Address));
        Assert.That(told.Bodies[0], Does.Contain("second@mail.example was added"));

        (await _alice.PostAsync("account/3pid/delete", new JsonObject { ["medium"] = "email", ["address"] = Address }))
            .Is(200);
        string[] of = [(await _world.Smtp.NextAsync()).To, (await _world.Smtp.NextAsync()).To];
        Assert.That(of, Is.EquivalentTo(new[] { Address, "second@mail.example" }));
        (await SetsPasswordAsync(_alice.PasswordAuth(), logsOut: false, by: _alice)).Is(200);
        var changed = await _world.Smtp.NextAsync();
        Assert.That(
            (changed.To, changed.Header("Subject")),
            Is.EqualTo(("second@mail.example", "Your password on test.example was changed")));
    }

    [Test]
    public async Task An_address_belongs_to_one_account_and_an_account_has_few()
    {
        await _world.Server.RestartAsync(("identifiers.of_account", "2"));
        var bob = await _world.Server.RegistersAsync("bob");
        var first = await _world.ConfirmsAsync("account/3pid/email/requestToken", Address, "first", _alice);
        var second = await _world.ConfirmsAsync("account/3pid/email/requestToken", Address, "second", bob);
        (await AddressWorld.AddAsync(_alice, first, "first")).Is(200);
        (await AddressWorld.AddAsync(bob, second, "second")).Is(400, "M_THREEPID_IN_USE");

        await _world.AddsAsync(_alice, "two@mail.example");
        await _world.Smtp.NextAsync();
        var third = await _world.ConfirmsAsync("account/3pid/email/requestToken", "three@mail.example", asker: _alice);
        (await AddressWorld.AddAsync(_alice, third)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Suspended_users_add_addresses_and_remove_none()
    {
        var admin = await AdminAsync();
        (await admin.PutAsync(
            $"/_matrix/client/v1/admin/suspend/{_alice.UserId}", new JsonObject { ["suspended"] = true })).Is(200);

        await _world.AddsAsync(_alice, Address);
        (await _alice.PostAsync("account/3pid/delete", new JsonObject { ["medium"] = "email", ["address"] = Address }))
            .Is(403, "M_USER_SUSPENDED");

        Assert.That(await AddressWorld.AddressesAsync(_alice), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task An_administrator_sees_sets_and_finds_addresses()
    {
        var admin = await AdminAsync();
        var set = await SetAsync("email", "Alice@MAIL.example", admin);
        Assert.That((string?)set.Json["threepids"]![0]!["address"], Is.EqualTo(Address));
        const string Lookup = "/_synapse/admin/v1/threepid/email/users/";
        Assert.That((await admin.GetAsync(Lookup + Address)).Is(200).Member("user_id"), Is.EqualTo(_alice.UserId));
        (await admin.GetAsync(Lookup + "nobody@mail.example")).Is(404, "M_NOT_FOUND");
        (await admin.GetAsync("/_synapse/admin/v1/threepid/telex/users/x")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync(Lookup + Address)).Is(403, "M_FORBIDDEN");

        var bob = await _world.Server.RegistersAsync("bob");
        var body = new JsonObject { ["threepids"] = new JsonArray(Threepid("email", Address)) };
        (await admin.PutAsync($"/_synapse/admin/v2/users/{bob.UserId}", body)).Is(400, "M_THREEPID_IN_USE");
        body = new JsonObject { ["threepids"] = new JsonArray(Threepid("email", "nobody")) };
        (await admin.PutAsync($"/_synapse/admin/v2/users/{bob.UserId}", body)).Is(400, "M_INVALID_PARAM");
        var many = new JsonArray([.. Enumerable.Range(0, 21).Select(n => Threepid("email", $"a{n}@mail.example"))]);
        body = new JsonObject { ["threepids"] = many };
        (await admin.PutAsync($"/_synapse/admin/v2/users/{bob.UserId}", body)).Is(403, "M_FORBIDDEN");

        body = new JsonObject { ["threepids"] = new JsonArray() };
        (await admin.PutAsync($"/_synapse/admin/v2/users/{_alice.UserId}", body)).Is(200);
        Assert.That(await AddressWorld.AddressesAsync(_alice), Is.Empty);
    }

    private static JsonObject Threepid(string medium, string address) =>
        new() { ["medium"] = medium, ["address"] = address };

    private async Task<Reply> SetAsync(string medium, string address, TestUser? admin = null) =>
        (await (admin ?? await AdminAsync()).PutAsync(
            $"/_synapse/admin/v2/users/{_alice.UserId}",
            new JsonObject { ["threepids"] = new JsonArray(Threepid(medium, address)) })).Is(200);

    private async Task<TestUser> AdminAsync()
    {
        var user = await _world.Server.RegistersAsync("admin");
        await _world.Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(new AdminChanged(user.UserId, true)), CancellationToken.None);
        return user;
    }
}
