using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>Sessions in which users prove that they have an address.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ValidationTests(string kind)
{
    private const string Add = "account/3pid/email/requestToken";
    private const string AddPhone = "account/3pid/msisdn/requestToken";
    private const string Address = "alice@mail.example";

    private AddressWorld _world = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    private TestClient Anyone => _world.Server.Anyone;

    [SetUp]
    public async Task StartAsync()
    {
        _world = await AddressWorld.StartAsync(kind, ("identifiers.next_link_hosts", "app.example,app.example:8443"));
        _alice = await _world.Server.RegistersAsync("alice");
        _bob = await _world.Server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    [Test]
    public async Task An_address_is_added_after_the_button_of_its_link_was_pressed_and_not_before()
    {
        var sid = (await _alice.PostAsync(Add, AddressWorld.ByMail("Alice@MAIL.example"))).Is(200).Member("sid");
        var mail = await _world.Smtp.NextAsync();
        Assert.That(mail.To, Is.EqualTo(Address));
        Assert.That(mail.Header("Subject"), Is.EqualTo("Confirm your address for test.example"));
        var link = AddressWorld.LinkOf(mail.Bodies[0])!;
        Assert.That(mail.Bodies[1], Does.Contain("<a href=\"https://matrix.test.example/_matrix/static/identifiers/"));
        Assert.That(mail.Text, Does.Not.Contain("secret"));

        var page = await Anyone.GetAsync(link);
        Assert.That((page.Status, page.ContentHeaders.ContentType!.MediaType), Is.EqualTo((200, "text/html")));
        Assert.That(
            page.Text, Does.Contain("<button>Confirm</button>").And.Contain("to the account @alice:test.example"));
        Assert.That(mail.Bodies[0], Does.Contain("@alice:test.example"));
        Assert.That(page.Text, Does.Not.Contain("<input"));
        (await AddressWorld.AddAsync(_alice, sid)).Is(400, "M_THREEPID_AUTH_FAILED");
        (await AddressWorld.AddAsync(_alice, sid, "other")).Is(400, "M_THREEPID_AUTH_FAILED");

        var done = await _world.PressesAsync(link);
        Assert.That(done.Text, Does.Contain("Go back to your application."));
        (await AddressWorld.AddAsync(_alice, sid, "other")).Is(400, "M_THREEPID_AUTH_FAILED");
        (await AddressWorld.AddAsync(_alice, sid)).Is(200);
        (await AddressWorld.AddAsync(_bob, sid)).Is(400, "M_THREEPID_AUTH_FAILED");

        var listed = (await _alice.GetAsync("account/3pid")).Is(200).Json["threepids"]!.AsArray().Single()!;
        Assert.That(((string?)listed["medium"], (string?)listed["address"]), Is.EqualTo(("email", Address)));
        Assert.That((long)listed["validated_at"]!, Is.LessThanOrEqualTo((long)listed["added_at"]!));
        Assert.That(await AddressWorld.AddressesAsync(_bob), Is.Empty);
    }

    [Test]
    public async Task An_address_is_confirmed_for_the_account_that_asked_and_for_no_other()
    {
        var sid = await _world.ConfirmsAsync(Add, Address, asker: _alice);

        (await AddressWorld.AddAsync(_bob, sid)).Is(400, "M_THREEPID_AUTH_FAILED");
        (await AddressWorld.AddAsync(_alice, sid)).Is(200);

        var asked = (await _alice.PostAsync(AddPhone, AddressWorld.ByPhone("07700 900001"))).Is(200);
        var code = await _world.NextCodeAsync();
        var path = new Uri(asked.Member("submit_url")).AbsolutePath;
        (await SubmitAsync(path, asked.Member("sid"), "secret", code)).Is(200);
        (await AddressWorld.AddAsync(_bob, asked.Member("sid"))).Is(400, "M_THREEPID_AUTH_FAILED");
    }

    [TestCase("alice", "alice")]
    [TestCase("@Alice:test.example", "alice")]
    [TestCase("bob", "bob")]
    [TestCase("nobody", null)]
    public async Task Where_no_account_is_known_the_owner_of_the_address_says_which(string typed, string? who)
    {
        var sid = (await Anyone.PostAsync(Add, AddressWorld.ByMail(Address))).Is(200).Member("sid");
        var mail = await _world.Smtp.NextAsync();
        Assert.That(mail.Bodies[0], Does.Contain("asks for the name of your account"));
        var link = AddressWorld.LinkOf(mail.Bodies[0])!;
        Assert.That((await Anyone.GetAsync(link)).Text, Does.Contain("name=\"account\""));
        foreach (var wrong in new[] { "", "@alice:other.example", "a b" })
        {
            var refused = await _world.PressesAsync(link, wrong);
            Assert.That((refused.Status, refused.Text.Contains("This is not a user name")), Is.EqualTo((400, true)));
        }

        Assert.That((await _world.PressesAsync(link, typed)).Status, Is.EqualTo(200));

        // The first answer counts.
        await _world.PressesAsync(link, "someone-else");
        var (right, other) = who == "bob" ? (_bob, _alice) : (_alice, _bob);
        (await AddressWorld.AddAsync(other, sid)).Is(400, "M_THREEPID_AUTH_FAILED");
        if (who is null) (await AddressWorld.AddAsync(right, sid)).Is(400, "M_THREEPID_AUTH_FAILED");
        else (await AddressWorld.AddAsync(right, sid)).Is(200);
    }

    [Test]
    public async Task A_form_of_another_site_confirms_nothing()
    {
        var sid = (await _alice.PostAsync(Add, AddressWorld.ByMail(Address))).Is(200).Member("sid");
        var link = await _world.NextLinkAsync();

        var sent = await Anyone.SendAsync(
            HttpMethod.Post, link, new FormUrlEncodedContent([]), ("Sec-Fetch-Site", "cross-site"));

        Assert.That(sent.Status, Is.EqualTo(403));
        (await AddressWorld.AddAsync(_alice, sid)).Is(400, "M_THREEPID_AUTH_FAILED");
    }

    [Test]
    public async Task Strangers_get_the_same_response_for_known_and_unknown_addresses_and_owners_get_a_mail()
    {
        await _world.AddsAsync(_alice, Address);

        foreach (var path in new[] { Add, "register/email/requestToken" })
        {
            var sid = (await Anyone.PostAsync(path, AddressWorld.ByMail(Address))).Is(200).Member("sid");
            var mail = await _world.Smtp.NextAsync();
            Assert.That(mail.Bodies[0], Does.Contain("@alice:test.example has it already"));
            Assert.That(AddressWorld.LinkOf(mail.Bodies[0]), Is.Null);
            (await AddressWorld.AddAsync(_bob, sid)).Is(400, "M_THREEPID_AUTH_FAILED");
        }

        const string Reset = "account/password/email/requestToken";
        (await Anyone.PostAsync(Reset, AddressWorld.ByMail("nobody@mail.example"))).Is(200);
        var none = await _world.Smtp.NextAsync();
        Assert.That(none.Bodies[0], Does.Contain("no account there has this address"));
        Assert.That(AddressWorld.LinkOf(none.Bodies[0]), Is.Null);
        (await Anyone.PostAsync(Reset, AddressWorld.ByMail(Address))).Is(200);
        Assert.That((await _world.Smtp.NextAsync()).Bodies[0], Does.Contain("new password for @alice:test.example"));

        (await _bob.PostAsync(Add, AddressWorld.ByMail(Address, "bobs"))).Is(200);
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, "own"))).Is(400, "M_THREEPID_IN_USE");
    }

    [Test]
    public async Task An_operator_may_let_strangers_know()
    {
        await _world.AddsAsync(_alice, Address);
        await _world.Server.RestartAsync(("identifiers.tell_known", "true"));

        (await Anyone.PostAsync(Add, AddressWorld.ByMail(Address))).Is(400, "M_THREEPID_IN_USE");
        (await Anyone.PostAsync("register/email/requestToken", AddressWorld.ByMail(Address)))
            .Is(400, "M_THREEPID_IN_USE");
        (await Anyone.PostAsync("account/password/email/requestToken", AddressWorld.ByMail("x@mail.example")))
            .Is(400, "M_THREEPID_NOT_FOUND");
    }

    [Test]
    public async Task A_mail_is_sent_again_only_for_a_higher_attempt_and_its_link_replaces_the_one_before()
    {
        var sid = (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, attempt: 3))).Is(200).Member("sid");
        var first = await _world.NextLinkAsync();
        var repeated = (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, attempt: 3))).Is(200).Member("sid");
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, attempt: 2))).Is(200);
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, attempt: 4))).Is(200);
        var second = await _world.NextLinkAsync();

        Assert.That(repeated, Is.EqualTo(sid));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That((await _world.PressesAsync(first)).Status, Is.EqualTo(404));
        Assert.That((await _world.PressesAsync(second)).Status, Is.EqualTo(200));
        (await AddressWorld.AddAsync(_alice, sid)).Is(200);
    }

    [Test]
    public async Task A_session_ends_by_time()
    {
        var sid = (await _alice.PostAsync(Add, AddressWorld.ByMail(Address))).Is(200).Member("sid");
        var link = await _world.NextLinkAsync();
        _world.Server.Ahead = TimeSpan.FromMinutes(61);

        Assert.That((await Anyone.GetAsync(link)).Status, Is.EqualTo(404));
        Assert.That((await _world.PressesAsync(link)).Status, Is.EqualTo(404));
        var again = (await _alice.PostAsync(Add, AddressWorld.ByMail(Address))).Is(200).Member("sid");
        Assert.That(again, Is.Not.EqualTo(sid));
        await _world.PressesAsync(await _world.NextLinkAsync());
        _world.Server.Ahead = TimeSpan.FromMinutes(130);
        (await AddressWorld.AddAsync(_alice, again)).Is(400, "M_THREEPID_AUTH_FAILED");
    }

    [Test]
    public async Task A_phone_number_is_confirmed_by_a_code_with_few_tries()
    {
        var asked = (await _alice.PostAsync(AddPhone, AddressWorld.ByPhone("07700 900001"))).Is(200);
        var (sid, url) = (asked.Member("sid"), asked.Member("submit_url"));
        var message = await _world.NextTextAsync();
        var text = (string)message["text"]!;
        Assert.That((string?)message["to"], Is.EqualTo("447700900001"));
        Assert.That(url, Does.StartWith("https://matrix.test.example/"));
        var (path, code) = (new Uri(url).AbsolutePath, text[..6]);

        (await SubmitAsync(path, sid, "other", code)).Is(400, "M_SESSION_EXPIRED");
        (await SubmitAsync(path, sid, "secret", "x" + code)).Is(400, "M_TOKEN_INCORRECT");
        Assert.That((bool)(await SubmitAsync(path, sid, "secret", code)).Is(200).Json["success"]!, Is.True);
        (await AddressWorld.AddAsync(_alice, sid)).Is(200);
        Assert.That(await AddressWorld.AddressesAsync(_alice), Is.EqualTo(new[] { "msisdn 447700900001" }));

        var bob = (await _bob.PostAsync(AddPhone, AddressWorld.ByPhone("+447700900002"))).Is(200).Member("sid");
        var right = await _world.NextCodeAsync();
        for (var i = 0; i < 10; i++) (await SubmitAsync(path, bob, "secret", "none")).Is(400, "M_TOKEN_INCORRECT");
        (await SubmitAsync(path, bob, "secret", right)).Is(400, "M_SESSION_EXPIRED");
        (await AddressWorld.AddAsync(_bob, bob)).Is(400, "M_THREEPID_AUTH_FAILED");
    }

    [Test]
    public async Task Many_tries_at_once_are_no_more_than_may_be()
    {
        var sid = (await _bob.PostAsync(AddPhone, AddressWorld.ByPhone("07700900002"))).Is(200).Member("sid");
        await _world.NextCodeAsync();

        var tries = await Task.WhenAll(Enumerable.Range(0, 40).Select(
            _ => SubmitAsync("/_matrix/static/identifiers/submit", sid, "secret", "wrong")));

        Assert.That(tries.Count(reply => reply.Errcode == "M_TOKEN_INCORRECT"), Is.EqualTo(10));
        Assert.That(tries.Count(reply => reply.Errcode == "M_SESSION_EXPIRED"), Is.EqualTo(30));
    }

    [Test]
    public async Task Tries_of_codes_are_counted_by_number_in_all_sessions()
    {
        await _world.Server.RestartAsync(("rate_limits.enabled", "true"), ("rate_limits.text_codes_burst", "3"));
        var (first, _) = await BeginAsync("07700900002", "one");
        var (second, right) = await BeginAsync("+44 7700 900002", "two");
        var (other, code) = await BeginAsync("07700900003", "three");

        (await TryAsync(first, "one", "none")).Is(400, "M_TOKEN_INCORRECT");
        (await TryAsync(first, "another", "none")).Is(400, "M_SESSION_EXPIRED");
        (await TryAsync(first, "one", "none")).Is(400, "M_TOKEN_INCORRECT");
        (await TryAsync(second, "two", "none")).Is(400, "M_TOKEN_INCORRECT");
        var limited = (await TryAsync(second, "two", right)).Is(429, "M_LIMIT_EXCEEDED");

        Assert.That((long)limited.Json["retry_after_ms"]!, Is.GreaterThan(60_000));
        (await TryAsync(other, "three", code)).Is(200);

        async Task<(string Sid, string Code)> BeginAsync(string number, string secret)
        {
            var asked = await Anyone.PostAsync(AddPhone, AddressWorld.ByPhone(number, secret: secret));
            return (asked.Is(200).Member("sid"), await _world.NextCodeAsync());
        }

        Task<Reply> TryAsync(string sid, string secret, string token) =>
            SubmitAsync("/_matrix/static/identifiers/submit", sid, secret, token);
    }

    [TestCase("https://app.example/done?x=1", true)]
    [TestCase("https://app.example:8443/", true)]
    [TestCase("https://app.example.evil.example/", false)]
    [TestCase("https://evil.example/@app.example", false)]
    [TestCase("https://app.example@evil.example/", false)]
    [TestCase("javascript://app.example/%0aalert(1)", false)]
    public async Task A_browser_goes_on_to_configured_hosts_only(string next, bool goes)
    {
        var body = AddressWorld.ByMail(Address);
        body["next_link"] = next;
        (await _alice.PostAsync(Add, body)).Is(200);

        var pressed = await _world.PressesAsync(await _world.NextLinkAsync());

        Assert.That(pressed.Status, Is.EqualTo(goes ? 303 : 200));
        Assert.That(pressed.Headers.Location?.OriginalString, Is.EqualTo(goes ? next : null));
    }

    [TestCase("de-AT,de;q=0.9,en;q=0.8", "Adresse bestätigen", "de")]
    [TestCase("pt;q=1, fr-CA;q=0.7, en;q=0.2", "Confirmez votre adresse", "fr")]
    [TestCase("es", "Confirme su dirección", "es")]
    [TestCase("xx", "Confirm your address", "en")]
    public async Task Mails_and_pages_are_in_the_clients_language(string accepted, string title, string language)
    {
        using var body = TestClient.Raw(AddressWorld.ByMail(Address).ToJsonString());
        (await _alice.SendAsync(HttpMethod.Post, Add, body, ("Accept-Language", accepted))).Is(200);

        var mail = await _world.Smtp.NextAsync();

        Assert.That(mail.Bodies[1], Does.Contain($"<html lang=\"{language}\">"));
        var page = await Anyone.GetAsync(AddressWorld.LinkOf(mail.Bodies[0])!);
        Assert.That(page.Text, Does.Contain($"<div lang=\"{language}\">"));
        Assert.That(page.Text, Does.Contain(System.Net.WebUtility.HtmlEncode(title)));
    }

    [Test]
    public async Task What_is_no_address_is_refused()
    {
        foreach (var address in new[] { "nobody", "Alice <alice@mail.example>", "a@b.c\r\nRCPT TO:<x@y.z>", "" })
        {
            (await _alice.PostAsync(Add, AddressWorld.ByMail(address))).Is(400, "M_INVALID_PARAM");
        }

        foreach (var (number, country) in new[] { ("12", "GB"), ("hello", "GB"), ("07700900001", "England") })
        {
            (await _alice.PostAsync(AddPhone, AddressWorld.ByPhone(number, country))).Is(400, "M_INVALID_PARAM");
        }

        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, "no spaces"))).Is(400, "M_INVALID_PARAM");
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, new string('a', 256)))).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task An_address_is_one_however_it_is_written()
    {
        await _world.AddsAsync(_alice, "Strauß@Mail.EXAMPLE");

        Assert.That(await AddressWorld.AddressesAsync(_alice), Is.EqualTo(new[] { "email strauss@mail.example" }));
        (await _alice.PostAsync(Add, AddressWorld.ByMail("STRAUSS@mail.example"))).Is(400, "M_THREEPID_IN_USE");
    }

    [Test]
    public async Task A_server_without_mail_or_gateway_or_for_other_addresses_refuses()
    {
        await _world.Server.RestartAsync(
            ("identifiers.allowed_addresses", "*@ours.example"), ("identifiers.allowed_countries", "DE"));
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address))).Is(403, "M_THREEPID_DENIED");
        (await _alice.PostAsync(Add, AddressWorld.ByMail("alice@ours.example"))).Is(200);
        (await _alice.PostAsync(AddPhone, AddressWorld.ByPhone("07700900001"))).Is(403, "M_THREEPID_DENIED");
        (await _alice.PostAsync(AddPhone, AddressWorld.ByPhone("0151 23456789", "DE"))).Is(200);
        Assert.That(await CanChangeAsync(), Is.True);

        await _world.Server.RestartAsync(("email.smtp_host", ""), ("text_messages.gateway_url", ""));
        (await _alice.PostAsync(Add, AddressWorld.ByMail("alice@ours.example")))
            .Is(400, "M_THREEPID_MEDIUM_NOT_SUPPORTED");
        (await _alice.PostAsync(AddPhone, AddressWorld.ByPhone("0151 23456789", "DE")))
            .Is(400, "M_THREEPID_MEDIUM_NOT_SUPPORTED");
        Assert.That(await CanChangeAsync(), Is.False);

        async Task<bool> CanChangeAsync() =>
            (bool)(await _alice.GetAsync("capabilities")).Json["capabilities"]!["m.3pid_changes"]!["enabled"]!;
    }

    [Test]
    public async Task Mails_are_bounded_by_address_by_asker_and_overall()
    {
        await _world.Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.messages_to_burst", "2"),
            ("rate_limits.messages_from_burst", "4"));
        (await Anyone.PostAsync(Add, AddressWorld.ByMail(Address, "a"))).Is(200);
        (await Anyone.PostAsync(Add, AddressWorld.ByMail("alice+tag@mail.example", "b"))).Is(200);
        var refused = (await Anyone.PostAsync(Add, AddressWorld.ByMail(Address, "c"))).Is(429, "M_LIMIT_EXCEEDED");
        Assert.That((long)refused.Json["retry_after_ms"]!, Is.GreaterThan(60_000));
        (await Anyone.PostAsync(Add, AddressWorld.ByMail("bob@mail.example", "d"))).Is(200);
        (await Anyone.PostAsync(Add, AddressWorld.ByMail("carol@mail.example", "e"))).Is(429, "M_LIMIT_EXCEEDED");

        await _world.Server.RestartAsync(
            ("rate_limits.messages_from_burst", "100"), ("rate_limits.all_messages_burst", "1"));
        (await Anyone.PostAsync(Add, AddressWorld.ByMail("dave@mail.example"))).Is(200);
        (await Anyone.PostAsync(Add, AddressWorld.ByMail("erin@mail.example"))).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task Mail_that_the_server_refuses_is_sent_later()
    {
        _world.Smtp.Refuses = true;
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address))).Is(200);
        while (!_world.Server.Log.Contains("email address was not sent", StringComparison.Ordinal)) await Task.Yield();
        _world.Smtp.Refuses = false;
        await _world.Server.RestartAsync(("identifiers.send_attempts", "3"));
        (await _alice.PostAsync(Add, AddressWorld.ByMail(Address, attempt: 2))).Is(200);

        Assert.That((await _world.Smtp.NextAsync()).To, Is.EqualTo(Address));
        Assert.That(_world.Server.Log, Does.Not.Contain(Address));
    }

    private Task<Reply> SubmitAsync(string path, string sid, string secret, string token) => Anyone.PostAsync(
        path, new JsonObject { ["sid"] = sid, ["client_secret"] = secret, ["token"] = token });
}
