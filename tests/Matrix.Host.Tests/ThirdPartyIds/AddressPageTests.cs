using System.Text.Json.Nodes;
using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>Addresses on the pages for new accounts, and on the fallback pages of their stages.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class AddressPageTests(string kind) : AddressPages(kind)
{
    [Test]
    public async Task A_client_registers_with_an_address_that_a_browser_confirmed_on_the_page_of_the_stage()
    {
        await World.Server.RestartAsync(("registration.requires_email", "true"));
        var body = new JsonObject { ["username"] = "bob", ["password"] = "long enough" };
        var session = (await World.Server.Anyone.PostAsync("register", body.DeepClone())).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session={session}";
        Assert.That((await Browser.OpensAsync(page)).Status, Is.EqualTo(200));
        Assert.That(Browser.Page.Text, Does.Contain("Your mail address").And.Not.Contain("<script"));
        await Browser.SubmitsAsync(page, ("email_address", "nonsense"), Step("email.send"));
        Assert.That(Browser.Page.Status, Is.EqualTo(400));
        var foreign = await Browser.PostsAsync(page, ("email_address", "bob@mail.example"), Step("email.send"));
        Assert.That(foreign.Text, Does.Contain("out of date"));
        body["auth"] = new JsonObject { ["session"] = session };
        (await World.Server.Anyone.PostAsync("register", body.DeepClone())).Is(401);

        await ProvesAsync(page, "bob@mail.example");

        Assert.That(Browser.Page.Text, Does.Contain("window.onAuthDone();"));
        body["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = session };
        var bob = (await World.Server.Anyone.PostAsync("register", body)).Is(200);
        var client = new TestClient(World.Server, bob.Member("access_token"));
        Assert.That((await client.GetAsync("account/3pid")).Text, Does.Contain("bob@mail.example"));
    }

    [Test]
    public async Task A_code_is_entered_on_the_page_of_the_stage_for_phone_numbers()
    {
        await World.Server.RestartAsync(("registration.requires_phone", "true"));
        var body = new JsonObject { ["username"] = "bob", ["password"] = "long enough" };
        var session = (await World.Server.Anyone.PostAsync("register", body.DeepClone())).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.msisdn/fallback/web?session={session}";
        await Browser.OpensAsync(page);
        await Browser.SubmitsAsync(page, ("msisdn_address", "0770"), Step("msisdn.send"));
        Assert.That(Browser.Page.Status, Is.EqualTo(400));
        await Browser.SubmitsAsync(page, ("msisdn_address", "+44 7700 900123"), Step("msisdn.send"));
        var (kept, code) = (Kept, await World.NextCodeAsync());
        await Browser.SubmitsAsync(page, kept, ("code", code == "000000" ? "1" : "000000"), Step("msisdn.continue"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        await Browser.SubmitsAsync(page, kept, ("code", $" {code}"), Step("msisdn.continue"));
        Assert.That(Browser.Page.Text, Does.Contain("window.onAuthDone();"));
        body["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = session };
        (await World.Server.Anyone.PostAsync("register", body)).Is(200);
    }

    [Test]
    public async Task The_page_of_a_stage_says_what_an_address_confirms()
    {
        var body = new JsonObject { ["new_password"] = NewPassword };
        var session = (await World.Server.Anyone.PostAsync("account/password", body)).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session={session}";
        Assert.That((await Browser.OpensAsync(page)).Text, Does.Contain("change your password"));
        await Browser.SubmitsAsync(page, ("email_address", Address), Step("email.send"));
        Assert.That(Browser.Page.Text, Does.Contain("change your password"), "On each step.");
    }

    [Test]
    public async Task Codes_that_are_entered_on_pages_are_counted_like_those_of_clients()
    {
        await World.Server.RestartAsync(("rate_limits.enabled", "true"), ("rate_limits.text_codes_burst", "1"));
        const string Page = Forgotten + "?by=msisdn";
        await Browser.OpensAsync(Page);
        await Browser.SubmitsAsync(Page, ("msisdn_address", "+44 7700 900123"), Step("msisdn.send"));
        var kept = Kept;
        await World.NextTextAsync();
        foreach (var status in new[] { 403, 429 })
        {
            await Browser.SubmitsAsync(Page, kept, ("code", "none"), Step("msisdn.continue"));
            Assert.That(Browser.Page.Status, Is.EqualTo(status), Browser.Page.Text);
        }

        Assert.That(Browser.Page.Text, Does.Contain("Too many codes").And.Contain("Enter the code"));
    }

    [Test]
    public async Task A_stage_has_no_page_where_nothing_can_be_sent()
    {
        await World.Server.RestartAsync(("email.smtp_host", ""), ("email.from", ""));
        var body = new JsonObject { ["new_password"] = NewPassword };
        var session = (await World.Server.Anyone.PostAsync("account/password", body)).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session={session}";
        Assert.That((await Browser.OpensAsync(page)).Status, Is.GreaterThanOrEqualTo(403));
        Assert.That((await Browser.OpensAsync(SignIn)).Text, Does.Contain("Forgotten"), "By phone number.");
        Assert.That((await Browser.OpensAsync(Forgotten)).Text, Does.Contain("Phone number"));
        Assert.That(Browser.Page.Text, Does.Not.Contain("Mail address"));
    }

    [Test]
    public async Task Strangers_see_the_same_page_for_known_and_unknown_addresses()
    {
        await World.AddsAsync(Alice, Address);
        foreach (var page in new[] { Forgotten, $"{SignUp}?with=email" })
        {
            await World.Server.RestartAsync(("registration.enabled", "true"));
            var shown = new List<string>();
            foreach (var address in new[] { Address, "other@mail.example" })
            {
                var browser = new TestBrowser(World.Server);
                await browser.OpensAsync(page);
                await browser.SubmitsAsync(page, ("email_address", address), Step("email.send"));
                Assert.That(browser.Page.Status, Is.EqualTo(200), browser.Page.Text);
                var text = browser.Page.Text.Replace(address, "ADDRESS", StringComparison.Ordinal)
                    .Replace(browser.FormToken, "TOKEN", StringComparison.Ordinal);
                shown.Add(SessionField.Replace(text, "SESSION"));
                await World.Smtp.NextAsync();
            }

            Assert.That(shown[0], Is.EqualTo(shown[1]));
        }
    }

    [Test]
    public async Task Messages_that_pages_send_are_bounded_like_those_of_clients()
    {
        await World.Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.messages_from_burst", "2"),
            ("rate_limits.messages_from_per_second", "0.001"));
        for (var n = 0; n < 3; n++)
        {
            await Browser.OpensAsync(Forgotten);
            await Browser.SubmitsAsync(Forgotten, ("email_address", $"a{n}@mail.example"), Step("email.send"));
            Assert.That(Browser.Page.Status, Is.EqualTo(n < 2 ? 200 : 429));
        }
    }

    [Test]
    public async Task An_account_is_created_on_the_page_with_the_address_that_the_server_requires()
    {
        await World.Server.RestartAsync(
            ("registration.enabled", "true"), ("registration.requires_email", "true"));
        Assert.That((await Browser.OpensAsync(SignUp)).Text, Does.Contain("Your mail address"));
        Assert.That(
            (await SignsUpAsync(SignUp, "bob")).Text, Does.Contain("Your mail address"), "Not without an address.");
        await SignsUpAsync(SignUp, "bob", ("token", "made-up"));
        Assert.That(Browser.Page.Status, Is.EqualTo(400), "A token that is not valid stands in for nothing.");
        (await World.Server.Anyone.GetAsync("register/available?username=bob")).Is(200);

        var kept = await ProvesAsync(SignUp, "bob@mail.example");
        Assert.That(Browser.Page.Text, Does.Contain("Password again"));
        Assert.That((await SignsUpAsync(SignUp, "bob")).Text, Does.Contain("Your mail address"));
        await SignsUpAsync(SignUp, "alice", kept);
        Assert.That(Browser.Page.Status, Is.EqualTo(400), "The name is taken; the address is kept.");
        await SignsUpAsync(SignUp, "bob", Kept);
        Assert.That(Browser.Page.Status, Is.EqualTo(303), Browser.Page.Text);

        Assert.That((await SignsInAsync("bob@mail.example", "long enough")).Status, Is.EqualTo(303));
        await SignsUpAsync(SignUp, "carol", kept);
        Assert.That(Browser.Page.Status, Is.Not.EqualTo(303), "A confirmation serves one account.");
    }

    [Test]
    public async Task A_confirmation_is_of_the_browser_that_asked_for_it()
    {
        await World.Server.RestartAsync(
            ("registration.enabled", "true"), ("registration.requires_email", "true"));
        var kept = await ProvesAsync(SignUp, "bob@mail.example");
        var other = new TestBrowser(World.Server);
        await other.OpensAsync(SignUp);
        await other.SubmitsAsync(
            SignUp, ("username", "mallory"), ("password", "long enough"), ("password_again", "long enough"), kept);
        Assert.That(other.Page.Status, Is.EqualTo(403));
        (await World.Server.Anyone.GetAsync("register/available?username=mallory")).Is(200);
        await other.OpensAsync(Forgotten);
        await other.SubmitsAsync(
            Forgotten, kept, ("new_password", NewPassword), ("new_password_again", NewPassword));
        Assert.That(other.Page.Status, Is.EqualTo(403));
    }

    [Test]
    public async Task A_new_user_may_give_a_number_and_an_address()
    {
        await World.Server.RestartAsync(
            ("registration.enabled", "true"), ("registration.requires_email", "true"));
        var page = $"{SignUp}?with=msisdn";
        await Browser.OpensAsync(page);
        await Browser.SubmitsAsync(page, ("msisdn_address", "+44 7700 900123"), Step("msisdn.send"));
        var phone = Kept;
        await Browser.SubmitsAsync(
            page, phone, ("code", await World.NextCodeAsync()), Step("msisdn.continue"));
        Assert.That(Browser.Page.Text, Does.Contain("Your mail address"));
        await Browser.SubmitsAsync(page, phone, ("email_address", "bob@mail.example"), Step("email.send"));
        var sessions = SessionField.Matches(Browser.Page.Text)
            .Select(match => ($"{match.Groups[1].Value}_session", match.Groups[2].Value)).ToArray();
        Assert.That(sessions, Has.Length.EqualTo(2));
        await World.PressesAsync(await World.NextLinkAsync());
        await Browser.SubmitsAsync(page, [.. sessions, Step("email.continue")]);
        await SignsUpAsync(page, "bob", sessions);
        Assert.That(Browser.Page.Status, Is.EqualTo(303), Browser.Page.Text);
        Assert.That((await SignsInAsync("+44 7700 900123", "long enough")).Status, Is.EqualTo(303));
    }

    [Test]
    public async Task An_address_that_is_taken_meanwhile_makes_no_account_on_the_page()
    {
        await World.Server.RestartAsync(
            ("registration.enabled", "true"), ("registration.requires_email", "true"));
        var kept = await ProvesAsync(SignUp, Address);
        await World.AddsAsync(Alice, Address);
        await SignsUpAsync(SignUp, "bob", kept);
        Assert.That(Browser.Page.Text, Does.Contain("Another account has the address"));
        (await World.Server.Anyone.GetAsync("register/available?username=bob")).Is(200);
    }
}
