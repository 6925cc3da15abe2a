using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Matrix.Host.Tests.Push;

/// <summary>Mail about notifications.</summary>
internal sealed partial class EmailPusherTests
{
    private const string Address = "bob@mail.example";

    private SmtpServer _smtp = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    private static JsonObject Pusher(string address = Address) => new()
    {
        ["kind"] = "email",
        ["app_id"] = "m.email",
        ["pushkey"] = address,
        ["app_display_name"] = "Mail",
        ["device_display_name"] = address,
        ["lang"] = "en",
        ["data"] = new JsonObject(),
    };

    [SetUp]
    public async Task StartAsync()
    {
        _smtp = new SmtpServer();
        _server = await TestServer.StartAsync(
            ("public_base_url", "https://matrix.test.example"),
            ("email.smtp_host", "127.0.0.1"),
            ("email.smtp_port", $"{_smtp.Port}"),
            ("email.smtp_tls", "false"),
            ("email.from", "Chat <noreply@test.example>"),
            ("email.delay", "10ms"),
            ("email.interval", "10ms"),
            ("push.first_pause", "10ms"));
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(_room);
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        _smtp.Dispose();
    }

    [GeneratedRegex("https://matrix.test.example(/_matrix/static/push/[a-z]+\\?token=[A-Za-z0-9_.-]+)")]
    private static partial Regex Links { get; }

    private static string LinkOf(string text, string page) => Links.Matches(text)
        .Select(match => match.Groups[1].Value)
        .First(link => link.Contains("/" + page + "?", StringComparison.Ordinal));

    private async Task ConfirmsAsync()
    {
        (await _bob.PostAsync("pushers/set", Pusher())).Is(200);
        var asked = await _smtp.NextAsync();
        (await _server.Anyone.PostAsync(LinkOf(asked.Bodies[0], "confirm"))).HasStatus(200);
    }

    [Test]
    public async Task Notifications_are_mailed_to_an_address_that_was_confirmed()
    {
        (await _bob.PostAsync("pushers/set", Pusher())).Is(200);
        var asked = await _smtp.NextAsync();
        Assert.That((asked.From, asked.To), Is.EqualTo(("noreply@test.example", Address)));
        Assert.That(asked.Header("Subject"), Is.EqualTo("Confirm notifications of test.example"));
        var link = LinkOf(asked.Bodies[0], "confirm");
        await _alice.SaysAsync(_room, "before");
        Assert.That((await _server.Anyone.GetAsync(link)).Status, Is.EqualTo(200), "the page, which changes nothing");

        (await _server.Anyone.PostAsync(link)).HasStatus(200);
        await _alice.SetsAsync(_room, "m.room.name", new JsonObject { ["name"] = "Tea & <b>cake" });
        await _alice.SaysAsync(_room, "<script>hello</script>");
        var mail = await _smtp.NextAsync();
        while (!mail.Bodies[0].Contains("hello", StringComparison.Ordinal)) mail = await _smtp.NextAsync();

        Assert.That(mail.To, Is.EqualTo(Address));
        Assert.That(mail.Header("List-Unsubscribe-Post"), Is.EqualTo("List-Unsubscribe=One-Click"));
        Assert.That(mail.Header("List-Unsubscribe"), Does.Contain("/_matrix/static/push/unsubscribe?token="));
        var (text, html) = (mail.Bodies[0], mail.Bodies[1]);
        Assert.That(text, Does.Contain("Tea & <b>cake").And.Contain("alice").And.Contain("<script>hello</script>"));
        Assert.That(html, Does.Contain("Tea &amp; &lt;b&gt;cake").And.Contain("&lt;script&gt;hello"));
        Assert.That(html, Does.Not.Contain("<script>"));
    }

    [Test]
    public async Task One_click_ends_the_mail_and_a_second_does_nothing()
    {
        await ConfirmsAsync();
        await _alice.SaysAsync(_room, "hello");
        var mail = await _smtp.NextAsync();
        var link = LinkOf(mail.Header("List-Unsubscribe")!, "unsubscribe");
        (await _server.Anyone.PostAsync(link + "x")).HasStatus(404);
        var page = await _server.Anyone.GetAsync(link);
        Assert.That(page.ContentHeaders.ContentType!.MediaType, Is.EqualTo("text/html"));
        Assert.That(await PushersAsync(), Has.Count.EqualTo(1), "opening a link changes nothing");

        // As a mail program sends it.
        using var click = new FormUrlEncodedContent([new("List-Unsubscribe", "One-Click")]);
        (await _server.Anyone.SendAsync(HttpMethod.Post, link, click)).HasStatus(200);

        Assert.That(await PushersAsync(), Is.Empty);
        (await _server.Anyone.PostAsync(link)).HasStatus(404);
    }

    [Test]
    public async Task Mail_that_the_server_refuses_is_sent_later_with_what_came_meanwhile()
    {
        await ConfirmsAsync();
        _smtp.Refuses = true;
        await _alice.SaysAsync(_room, "one");
        while (!_server.Log.Contains("was not sent, which is retried", StringComparison.Ordinal)) await Task.Yield();
        await _alice.SaysAsync(_room, "two");
        _smtp.Refuses = false;

        var text = "";
        while (!text.Contains("two", StringComparison.Ordinal)) text += (await _smtp.NextAsync()).Bodies[0];

        Assert.That(Regex.Count(text, "one"), Is.EqualTo(1));
        Assert.That(Regex.Count(text, "two"), Is.EqualTo(1));
    }

    [Test]
    public async Task An_address_is_one_however_its_domain_is_written()
    {
        (await _bob.PostAsync("pushers/set", Pusher("Bob@MAIL.Example"))).Is(200);
        Assert.That((await _smtp.NextAsync()).To, Is.EqualTo("Bob@mail.example"));

        (await _bob.PostAsync("pushers/set", Pusher("Bob@mail.example"))).Is(200);
        Assert.That(await PushersAsync(), Has.Count.EqualTo(1));
        var deletion = Pusher("Bob@Mail.EXAMPLE");
        deletion["kind"] = null;
        (await _bob.PostAsync("pushers/set", deletion)).Is(200);
        Assert.That(await PushersAsync(), Is.Empty);
    }

    [TestCase("nobody")]
    [TestCase("Bob <bob@mail.example>")]
    [TestCase("a@b.c\r\nRCPT TO:<x@y.z>")]
    public async Task A_pushkey_that_is_no_address_is_refused(string address) =>
        (await _bob.PostAsync("pushers/set", Pusher(address))).Is(400, "M_INVALID_PARAM");

    [Test]
    public async Task Another_app_id_and_a_server_without_mail_refuse()
    {
        var wrong = Pusher();
        wrong["app_id"] = "org.example";
        (await _bob.PostAsync("pushers/set", wrong)).Is(400, "M_INVALID_PARAM");
        (await _server.Anyone.PostAsync("/_matrix/static/push/confirm?token=1.x")).HasStatus(404);
        await _server.RestartAsync(("email.smtp_host", ""));
        (await _bob.PostAsync("pushers/set", Pusher())).Is(400, "M_INVALID_PARAM");
    }

    private async Task<JsonArray> PushersAsync() => (await _bob.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray();
}
