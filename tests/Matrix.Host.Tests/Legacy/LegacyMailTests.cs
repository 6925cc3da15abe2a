using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Tests.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Legacy;

/// <summary>Registration of 2014 with a mail address.</summary>
internal sealed partial class LegacyMailTests
{
    private const string Register = "/_matrix/client/api/v1/register";
    private const string Url = "m.login.email.url";
    private const string Code = "m.login.email.code";
    private const string Identity = "m.login.email.identity";
    private const string Password = "m.login.password";
    private const string Token = "m.login.registration_token";
    private const string NotYet = "M_LOGIN_EMAIL_URL_NOT_YET";
    private const string Address = "bob@mail.example";

    private AddressWorld _world = null!;

    private TestClient Anyone => _world.Server.Anyone;

    [GeneratedRegex("\\b\\d{6}\\b")]
    private static partial Regex Codes { get; }

    [SetUp]
    public async Task StartAsync()
    {
        _world = await AddressWorld.StartAsync(TestDatabase.Sqlite, ("compatibility.legacy_client_api", "true"));

        // The first user has a token of their own, by which they could register too.
        await _world.Server.RegistersAsync("first");
    }

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    [Test]
    public async Task The_flows_have_a_mail_where_an_address_may_or_must_be_given()
    {
        string[] byMail = [$"{Url}+{Password}", $"{Code}+{Password}", $"{Identity}+{Password}"];
        Assert.That(await FlowsAsync(), Is.EqualTo((string[])[Password, .. byMail]));

        await _world.Server.RestartAsync(("registration.requires_email", "true"));
        Assert.That(await FlowsAsync(), Is.EqualTo(byMail));
        (await LastAsync("bob", session: null)).Is(403, "M_FORBIDDEN");

        await _world.Server.RestartAsync(("registration.requires_token", "true"));
        Assert.That(await FlowsAsync(), Is.EqualTo(byMail.Select(flow => $"{Token}+{flow}")));

        await _world.Server.RestartAsync(("registration.requires_phone", "true"));
        Assert.That(await FlowsAsync(), Is.Empty);
        (await LastAsync("bob", session: null)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_user_registers_once_the_link_of_the_mail_is_confirmed()
    {
        var begun = await BeginAsync(Url, "bob", "Bob@MAIL.example");
        Assert.That(begun.Member("type"), Is.EqualTo(Url));
        var session = begun.Member("session");
        var link = await _world.NextLinkAsync();
        (await StepAsync(Url, session)).Is(400, NotYet);
        (await LastAsync("bob", session)).Is(403, "M_FORBIDDEN");
        await Anyone.GetAsync(link);
        (await StepAsync(Url, session)).Is(400, NotYet);

        Assert.That((await _world.PressesAsync(link)).Status, Is.EqualTo(200));
        for (var i = 0; i < 2; i++)
        {
            var next = (await StepAsync(Url, session)).Is(200);
            Assert.That((next.Member("session"), next.Member("next")), Is.EqualTo((session, Password)));
        }

        var bob = (await LastAsync("bob", session)).Is(200);
        Assert.That(
            (bob.Member("user_id"), bob.Member("home_server")), Is.EqualTo(("@bob:test.example", "test.example")));
        await HasAsync(bob, Address);
        (await StepAsync(Url, session)).Is(404, "M_NOT_FOUND");
        Assert.That(_world.Server.Log, Does.Not.Contain(Address));
    }

    [Test]
    public async Task A_user_registers_with_the_code_of_the_mail()
    {
        var session = (await BeginAsync(Code, "bob", Address)).Member("session");
        var mail = await _world.Smtp.NextAsync();
        Assert.That(AddressWorld.LinkOf(mail.Bodies[0]), Is.Null);
        Assert.That(mail.Header("Subject"), Is.EqualTo("Confirm your address for test.example"));
        var code = Codes.Match(mail.Bodies[0]).Value;
        Assert.That(mail.Bodies[1], Does.Contain($"<p>The code is {code}."));
        (await StepAsync(Code, session, "code", "none")).Is(400, "M_TOKEN_INCORRECT");
        (await StepAsync(Url, session)).Is(400, "M_BAD_JSON");

        var next = (await StepAsync(Code, session, "code", $" {code} ")).Is(200);

        Assert.That((next.Member("session"), next.Member("next")), Is.EqualTo((session, Password)));
        await HasAsync((await LastAsync("bob", session)).Is(200), Address);
    }

    [Test]
    public async Task Guesses_of_a_code_are_few()
    {
        await _world.Server.RestartAsync(("identifiers.tries", "3"));
        var session = (await BeginAsync(Code, "bob", Address)).Member("session");
        var code = await NextCodeAsync();
        for (var i = 0; i < 3; i++) (await StepAsync(Code, session, "code", "none")).Is(400, "M_TOKEN_INCORRECT");

        (await StepAsync(Code, session, "code", code)).Is(400, "M_SESSION_EXPIRED");
        (await LastAsync("bob", session)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Only_the_client_that_asked_for_a_code_may_try_it()
    {
        var validations = _world.Server.Services.GetRequiredService<Validations>();
        var request = new TokenRequest(
            ValidationPurpose.Registration, ThirdPartyId.OfEmail(Address)!.Value, "secret", SendAttempt: 1)
        {
            ByCode = true,
        };
        var sid = (await validations.RequestAsync(request, default)).Value!;
        var code = await NextCodeAsync();

        Assert.That((await validations.ConfirmAsync(sid, null, code, default)).IsOk, Is.False);
        Assert.That((await validations.ConfirmAsync(sid, "other", code, default)).IsOk, Is.False);
        Assert.That((await validations.ConfirmAsync(sid, "secret", code, default)).IsOk, Is.True);
    }

    [TestCase("de", "Der Code ist ")]
    [TestCase("fr", "Le code est ")]
    [TestCase("es", "El código es ")]
    public async Task A_code_is_sent_in_the_clients_language(string language, string text)
    {
        var body = Body(Code, ("user", "bob"), ("email", Address));
        using var raw = TestClient.Raw(body.ToJsonString());
        (await Anyone.SendAsync(HttpMethod.Post, Register, raw, ("Accept-Language", language))).Is(200);
        Assert.That((await _world.Smtp.NextAsync()).Bodies[0], Does.Contain(text));
    }

    [Test]
    public async Task A_user_registers_with_a_session_of_validation_that_the_client_began()
    {
        var sid = (await Anyone.PostAsync("register/email/requestToken", AddressWorld.ByMail(Address)))
            .Is(200).Member("sid");
        var link = await _world.NextLinkAsync();
        (await ByIdentityAsync(sid, "secret")).Is(403, "M_FORBIDDEN");
        await _world.PressesAsync(link);
        (await ByIdentityAsync(sid, "other")).Is(403, "M_FORBIDDEN");
        (await ByIdentityAsync(sid, "no spaces")).Is(400, "M_INVALID_PARAM");
        foreach (var creds in (JsonNode?[])[null, new JsonObject(), new JsonArray(), new JsonArray(1, 2),
            new JsonArray(new JsonObject { ["sid"] = sid })])
        {
            (await Anyone.PostAsync(Register, Body(Identity, ("threepidCreds", creds)))).Is(400, "M_BAD_JSON");
        }

        var next = (await ByIdentityAsync(sid, "secret")).Is(200);

        Assert.That(next.Member("next"), Is.EqualTo(Password));
        await HasAsync((await LastAsync("bob", next.Member("session"))).Is(200), Address);
    }

    [Test]
    public async Task Unknown_sessions_and_those_of_other_endpoints_are_refused()
    {
        (await StepAsync(Url, "none")).Is(404, "M_NOT_FOUND");
        (await StepAsync(Code, "none", "code", "123456")).Is(404, "M_NOT_FOUND");
        (await ByIdentityAsync("sid", "secret", "none")).Is(404, "M_NOT_FOUND");
        (await StepAsync(Url, "none", "email", Address)).Is(404, "M_NOT_FOUND");
        (await Anyone.PostAsync(Register, Body(Url))).Is(400, "M_BAD_JSON");
        (await Anyone.PostAsync(Register, Body(Code, ("code", "123456")))).Is(400, "M_BAD_JSON");
        (await Anyone.PostAsync(Register, Body(Url, ("email", 1)))).Is(400, "M_BAD_JSON");

        var reset = (await Anyone.PostAsync("account/password", new JsonObject { ["new_password"] = "long enough" }))
            .Is(401).Member("session");
        (await StepAsync(Url, reset, "email", Address)).Is(404, "M_NOT_FOUND");
        var unused = (await Anyone.PostAsync("register")).Is(401).Member("session");
        (await StepAsync(Url, unused)).Is(400, "M_BAD_JSON");
        (await StepAsync(Code, unused, "code", "123456")).Is(400, "M_BAD_JSON");
    }

    [TestCase(Url)]
    [TestCase(Code)]
    public async Task An_address_of_an_account_looks_like_any_other_and_its_owner_is_told(string type)
    {
        var alice = await _world.Server.RegistersAsync("alice");
        await _world.AddsAsync(alice, Address);

        var begun = await BeginAsync(type, "bob", Address);

        Assert.That(begun.Json.Select(member => member.Key), Is.EquivalentTo(new[] { "type", "session" }));
        var mail = await _world.Smtp.NextAsync();
        Assert.That(mail.Bodies[0], Does.Contain("@alice:test.example has it already"));
        Assert.That(AddressWorld.LinkOf(mail.Bodies[0]), Is.Null);
        Assert.That(mail.Bodies[0], Does.Not.Match(Codes));
        var session = begun.Member("session");
        if (type == Url) (await StepAsync(Url, session)).Is(400, NotYet);
        else (await StepAsync(Code, session, "code", "123456")).Is(400, "M_TOKEN_INCORRECT");
        (await LastAsync("bob", session)).Is(403, "M_FORBIDDEN");

        await _world.Server.RestartAsync(("identifiers.tell_known", "true"));
        (await Anyone.PostAsync(Register, Body(type, ("user", "bob"), ("email", Address))))
            .Is(400, "M_THREEPID_IN_USE");
    }

    [Test]
    public async Task An_address_that_is_taken_meanwhile_registers_nobody()
    {
        var session = (await BeginAsync(Url, "bob", Address)).Member("session");
        await _world.PressesAsync(await _world.NextLinkAsync());
        (await StepAsync(Url, session)).Is(200);
        var alice = await _world.Server.RegistersAsync("alice");
        await _world.AddsAsync(alice, Address);

        (await LastAsync("bob", session)).Is(403, "M_FORBIDDEN");
        (await StepAsync(Url, session)).Is(403, "M_FORBIDDEN");

        (await Anyone.GetAsync("register/available?username=bob")).Is(200);
        Assert.That(await AddressWorld.AddressesAsync(alice), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task Names_and_addresses_that_cannot_be_are_refused_before_a_mail()
    {
        await _world.Server.RegistersAsync("alice");
        (await Anyone.PostAsync(Register, Body(Url, ("user", "alice"), ("email", Address)))).Is(400, "M_USER_IN_USE");
        (await Anyone.PostAsync(Register, Body(Url, ("user", "@alice:test.example"), ("email", Address))))
            .Is(400, "M_USER_IN_USE");
        (await Anyone.PostAsync(Register, Body(Url, ("user", "bob"), ("email", "nobody")))).Is(400, "M_INVALID_PARAM");
        await _world.Server.RestartAsync(("identifiers.allowed_addresses", "*@ours.example"));
        (await Anyone.PostAsync(Register, Body(Url, ("user", "bob"), ("email", Address)))).Is(403, "M_THREEPID_DENIED");
        await _world.Server.RestartAsync(("registration.enabled", "false"));
        (await Anyone.PostAsync(Register, Body(Code, ("user", "bob"), ("email", "bob@ours.example"))))
            .Is(403, "M_FORBIDDEN");

        await _world.Server.RestartAsync(("registration.enabled", "true"));
        await BeginAsync(Url, "bob", "bob@ours.example");
        Assert.That((await _world.Smtp.NextAsync()).To, Is.EqualTo("bob@ours.example"));
    }

    [Test]
    public async Task A_repeated_request_sends_no_second_mail_and_another_address_does()
    {
        var session = (await BeginAsync(Url, "bob", "first@mail.example")).Member("session");
        var first = await _world.NextLinkAsync();
        (await StepAsync(Url, session, "email", "first@mail.example")).Is(200);
        (await StepAsync(Url, session, "email", Address)).Is(200);
        var mail = await _world.Smtp.NextAsync();
        Assert.That(mail.To, Is.EqualTo(Address));
        await _world.PressesAsync(first);
        (await StepAsync(Url, session)).Is(400, NotYet);

        (await StepAsync(Code, session, "email", Address)).Is(200);
        var code = await NextCodeAsync();
        (await StepAsync(Code, session, "code", code)).Is(200);
        await HasAsync((await LastAsync("bob", session)).Is(200), Address);
    }

    [Test]
    public async Task Mails_are_bounded_as_those_of_todays_clients()
    {
        await _world.Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.registration_burst", "100"),
            ("rate_limits.messages_to_burst", "2"));
        await BeginAsync(Url, "bob", Address);
        await BeginAsync(Code, "bob", "bob+tag@mail.example");

        (await Anyone.PostAsync(Register, Body(Url, ("user", "bob"), ("email", Address)))).Is(429, "M_LIMIT_EXCEEDED");
        (await Anyone.PostAsync("register/email/requestToken", AddressWorld.ByMail(Address)))
            .Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task A_link_ends_and_its_session_too()
    {
        await _world.Server.RestartAsync(("identifiers.session_lifetime", "5m"));
        var session = (await BeginAsync(Url, "bob", Address)).Member("session");
        var link = await _world.NextLinkAsync();
        _world.Server.Ahead = TimeSpan.FromMinutes(6);
        Assert.That((await _world.PressesAsync(link)).Status, Is.EqualTo(404));
        (await StepAsync(Url, session)).Is(400, "M_SESSION_EXPIRED");

        _world.Server.Ahead = TimeSpan.FromMinutes(16);
        (await StepAsync(Url, session)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_token_comes_before_the_mail_where_both_are_asked_for()
    {
        await _world.Server.RestartAsync(
            ("registration.requires_token", "true"), ("registration.requires_email", "true"));
        await _world.Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(new RegistrationTokenIssued("a-token", 5, null, MakesAdmin: false)), default);
        (await Anyone.PostAsync(Register, Body(Url, ("user", "bob"), ("email", Address)))).Is(403, "M_FORBIDDEN");
        var shown = (await Anyone.PostAsync(Register, Body(Token, ("token", "a-token")))).Is(200);
        Assert.That(shown.Member("next"), Is.EqualTo(Url));
        var session = shown.Member("session");
        (await LastAsync("bob", session)).Is(403, "M_FORBIDDEN");

        (await StepAsync(Url, session, "email", Address)).Is(200);
        await _world.PressesAsync(await _world.NextLinkAsync());
        Assert.That((await StepAsync(Url, session)).Is(200).Member("next"), Is.EqualTo(Password));

        await HasAsync((await LastAsync("bob", session)).Is(200), Address);
    }

    private static JsonObject Body(string type, params (string Name, JsonNode? Value)[] members)
    {
        var body = new JsonObject { ["type"] = type };
        foreach (var (name, value) in members) body[name] = value;
        return body;
    }

    private async Task<string[]> FlowsAsync()
    {
        var flows = (await Anyone.GetAsync(Register)).Is(200).Json["flows"]!.AsArray();
        Assert.That(flows.All(flow => (string?)flow!["type"] == (string?)flow["stages"]![0]), Is.True);
        return [.. flows.Select(flow => string.Join('+', flow!["stages"]!.AsArray()))];
    }

    private async Task<Reply> BeginAsync(string type, string user, string address) =>
        (await Anyone.PostAsync(Register, Body(type, ("user", user), ("email", address)))).Is(200);

    private Task<Reply> StepAsync(string type, string session) =>
        Anyone.PostAsync(Register, Body(type, ("session", session)));

    private Task<Reply> StepAsync(string type, string session, string name, string value) =>
        Anyone.PostAsync(Register, Body(type, ("session", session), (name, value)));

    private Task<Reply> ByIdentityAsync(string sid, string secret, string? session = null)
    {
        var creds = new JsonObject { ["sid"] = sid, ["clientSecret"] = secret, ["idServer"] = "test.example" };
        var body = Body(Identity, ("threepidCreds", new JsonArray(creds)));
        if (session is not null) body["session"] = session;
        return Anyone.PostAsync(Register, body);
    }

    private Task<Reply> LastAsync(string user, string? session)
    {
        var body = Body(Password, ("user", user), ("password", "long enough"));
        if (session is not null) body["session"] = session;
        return Anyone.PostAsync(Register, body);
    }

    private async Task<string> NextCodeAsync() => Codes.Match((await _world.Smtp.NextAsync()).Bodies[0]).Value;

    private async Task HasAsync(Reply registered, string address)
    {
        var client = new TestClient(_world.Server, registered.Member("access_token"));
        var listed = (await client.GetAsync("account/3pid")).Is(200).Json["threepids"]!.AsArray().Single()!;
        Assert.That(((string?)listed["medium"], (string?)listed["address"]), Is.EqualTo(("email", address)));
    }
}
