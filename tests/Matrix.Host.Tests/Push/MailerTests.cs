using System.Diagnostics;
using System.Globalization;
using Matrix.Host.Network;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Tests.Network;

namespace Matrix.Host.Tests.Push;

/// <summary>Mail on its way to an SMTP server: encryption, logins, failures, and what a mail looks like.</summary>
internal sealed class MailerTests
{
    private const string Link =
        "https://matrix.test.example/_matrix/static/push/unsubscribe?token=AB0123456789abcdefghijklmnopqrstuvwxyz"
        + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ=3D";

    private static readonly string[] _withLogin = ["AUTH PLAIN"];
    private static readonly string[] _international = ["8BITMIME", "SMTPUTF8"];

    private TestCa _ca = null!;

    [OneTimeSetUp]
    public void CreateAuthority() => _ca = new TestCa();

    [OneTimeTearDown]
    public void DeleteAuthority() => _ca.Dispose();

    private static OutgoingMail MailTo(string to, string subject = "Tea") =>
        new(to, subject, $"Grüße\n.\n{Link}\n", $"<p>Grüße</p><a href=\"{Link}\">Tea</a>", [
            ("List-Unsubscribe", $"<{Link}>"), ("Auto-Submitted", "auto-generated"),
        ]);

    private static OutgoingMail Mail => MailTo("bob@mail.example");

    private SmtpServer Server(
        SmtpTls tls, string[]? names = null, string[]? extensions = null, string? stallsAt = null,
        params (string Verb, string Answer)[] answers)
    {
        return new SmtpServer
        {
            Tls = tls,
            Certificate = tls == SmtpTls.Never ? null : _ca.Issue(names ?? ["127.0.0.1"]),
            Extensions = extensions ?? _withLogin,
            StallsAt = stallsAt,
            Answers = answers.ToDictionary(each => each.Verb, each => each.Answer),
        };
    }

    private static MailOptions Options(SmtpServer server, MailTls tls) => new()
    {
        Host = "127.0.0.1",
        Port = server.Port,
        User = "matrix",
        Password = "secret",
        Tls = tls,
        From = "Chat (no reply) <noreply@test.example>",
        Time = TimeSpan.FromSeconds(30),
    };

    private Mailer Mailer(MailOptions options, bool trusts = true) => new(
        options, new CertificateTrust(new NetworkOptions { ServerName = "", CustomCa = trusts ? _ca.File : "" }));

    private static void AssertSentNothing(SmtpServer server)
    {
        Assert.That(server.HasMail, Is.False);
        Assert.That(server.Lines.Select(line => line.Text), Has.None.Match("^(AUTH|MAIL|RCPT|DATA)"));
    }

    [TestCase(SmtpTls.OnRequest, MailTls.StartTls)]
    [TestCase(SmtpTls.AtOnce, MailTls.Implicit)]
    public async Task The_password_and_the_mail_are_sent_over_tls(SmtpTls serves, MailTls tls)
    {
        using var server = Server(serves);

        Assert.That(await Mailer(Options(server, tls)).SendAsync(Mail, default), Is.Null);

        Assert.That((await server.NextAsync()).To, Is.EqualTo("bob@mail.example"));
        var login = server.Lines.Single(line => line.Text.StartsWith("AUTH", StringComparison.Ordinal));
        Assert.That(
            login.Text, Is.EqualTo($"AUTH PLAIN {Convert.ToBase64String("\0matrix\0secret"u8)}"));
        var clear = server.Lines.Where(line => !line.IsEncrypted).Select(line => line.Text.Split(' ')[0]);
        Assert.That(clear, Is.EqualTo(tls == MailTls.Implicit ? [] : new[] { "EHLO", "STARTTLS" }));
    }

    [Test]
    public async Task A_server_that_offers_no_starttls_is_sent_neither_the_password_nor_the_mail()
    {
        using var server = Server(SmtpTls.Never);

        var reason = await Mailer(Options(server, MailTls.StartTls)).SendAsync(Mail, default);

        Assert.That(reason, Does.StartWith("127.0.0.1: ").And.Contain("STARTTLS"));
        AssertSentNothing(server);
    }

    [Test]
    public async Task A_server_that_refuses_starttls_is_sent_neither_the_password_nor_the_mail()
    {
        using var server = Server(SmtpTls.OnRequest, answers: ("STARTTLS", "454 not now"));

        var reason = await Mailer(Options(server, MailTls.StartTls)).SendAsync(Mail, default);

        Assert.That(reason, Does.Contain("not now"));
        AssertSentNothing(server);
    }

    [Test]
    public async Task Answers_that_come_before_the_handshake_do_not_count_after_it()
    {
        // The real server offers no login: whoever stands between offers one.
        using var server = Server(
            SmtpTls.OnRequest, extensions: [], answers: ("STARTTLS", "220 go on\r\n250-test\r\n250 AUTH PLAIN"));

        await Mailer(Options(server, MailTls.StartTls)).SendAsync(Mail, default);

        Assert.That(server.Lines.Select(line => line.Text), Has.None.StartsWith("AUTH"));
    }

    [TestCase(SmtpTls.OnRequest, MailTls.StartTls)]
    [TestCase(SmtpTls.AtOnce, MailTls.Implicit)]
    public async Task A_certificate_for_another_name_or_of_an_unknown_authority_is_refused(SmtpTls serves, MailTls tls)
    {
        using var other = Server(serves, names: ["other.example"]);
        using var unknown = Server(serves);

        var otherName = await Mailer(Options(other, tls)).SendAsync(Mail, default);
        var noAuthority = await Mailer(Options(unknown, tls), trusts: false).SendAsync(Mail, default);

        Assert.That(
            otherName, Is.EqualTo("127.0.0.1: the certificate is for other.example, not for 127.0.0.1"));
        Assert.That(noAuthority, Does.Contain("an authority that is not trusted"));
        AssertSentNothing(other);
        AssertSentNothing(unknown);
    }

    [TestCase("", SmtpTls.OnRequest, MailTls.StartTls)]
    [TestCase("EHLO", SmtpTls.OnRequest, MailTls.StartTls)]
    [TestCase("STARTTLS", SmtpTls.OnRequest, MailTls.StartTls)]
    [TestCase("TLS", SmtpTls.OnRequest, MailTls.StartTls)]
    [TestCase("TLS", SmtpTls.AtOnce, MailTls.Implicit)]
    [TestCase("AUTH", SmtpTls.AtOnce, MailTls.Implicit)]
    [TestCase("DATA", SmtpTls.AtOnce, MailTls.Implicit)]
    [TestCase(".", SmtpTls.AtOnce, MailTls.Implicit)]
    public async Task A_server_that_stalls_has_its_time_and_a_stop_ends_it_at_once(
        string at, SmtpTls serves, MailTls tls)
    {
        using var server = Server(serves, stallsAt: at);
        var watch = Stopwatch.StartNew();

        var reason = await Mailer(Options(server, tls) with { Time = TimeSpan.FromMilliseconds(500) })
            .SendAsync(Mail, default);

        Assert.That(reason, Is.EqualTo("127.0.0.1 did not take the mail in time"));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        Assert.That(
            async () => await Mailer(Options(server, tls)).SendAsync(Mail, stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)));
    }

    [Test]
    public async Task A_mail_that_was_taken_is_sent_although_the_server_does_not_say_goodbye()
    {
        using var server = Server(SmtpTls.AtOnce, stallsAt: "QUIT");

        var reason = await Mailer(Options(server, MailTls.Implicit) with { Time = TimeSpan.FromSeconds(2) })
            .SendAsync(Mail, default);

        Assert.That(reason, Is.Null);
        Assert.That(server.HasMail, Is.True);
    }

    [Test]
    public async Task What_the_server_refuses_is_said_and_no_mail_is_sent()
    {
        using var login = Server(SmtpTls.AtOnce, answers: ("AUTH", "535 who are you"));
        using var recipient = Server(SmtpTls.AtOnce, answers: ("RCPT", "550 nobody here"));

        var refusedLogin = await Mailer(Options(login, MailTls.Implicit)).SendAsync(Mail, default);
        var refusedRecipient = await Mailer(Options(recipient, MailTls.Implicit)).SendAsync(Mail, default);

        Assert.That(refusedLogin, Does.Contain("who are you"));
        Assert.That(refusedRecipient, Does.Contain("nobody here"));
        Assert.That(login.Lines.Select(line => line.Text), Has.None.StartsWith("MAIL"));
        Assert.That(recipient.HasMail, Is.False);
    }

    [Test]
    public async Task A_port_at_which_nobody_listens_is_a_reason()
    {
        var server = Server(SmtpTls.Never);
        var options = Options(server, MailTls.StartTls);
        server.Dispose();

        Assert.That(await Mailer(options).SendAsync(Mail, default), Does.StartWith("127.0.0.1: "));
    }

    [Test]
    public async Task A_server_that_offers_no_login_gets_mail_without_one()
    {
        using var server = Server(SmtpTls.Never, extensions: []);

        Assert.That(await Mailer(Options(server, MailTls.None)).SendAsync(Mail, default), Is.Null);

        Assert.That((await server.NextAsync()).From, Is.EqualTo("noreply@test.example"));
    }

    [TestCase("127.0.0.1", MailTls.None, true)]
    [TestCase("::1", MailTls.None, true)]
    [TestCase("LocalHost", MailTls.None, true)]
    [TestCase("localhost.example", MailTls.None, false)]
    [TestCase("10.0.0.1", MailTls.None, false)]
    [TestCase("10.0.0.1", MailTls.StartTls, true)]
    [TestCase("mail.example", MailTls.Implicit, true)]
    public void A_password_leaves_this_machine_only_over_tls(string host, MailTls tls, bool mayLogIn) =>
        Assert.That(new MailOptions { Host = host, Tls = tls }.MayLogIn, Is.EqualTo(mayLogIn));

    [TestCase(MailTls.None)]
    [TestCase(MailTls.Implicit)]
    public async Task A_mail_has_its_headers_and_two_bodies(MailTls tls)
    {
        string[] extensions = tls == MailTls.None ? [] : ["8BITMIME", "PIPELINING", "SIZE 10000000", "CHUNKING"];
        using var server = Server(tls == MailTls.None ? SmtpTls.Never : SmtpTls.AtOnce, extensions: extensions);

        var mailer = Mailer(Options(server, tls));
        Assert.That(await mailer.SendAsync(MailTo("bob@mail.example", "Zwei Grüße"), default), Is.Null);
        var mail = await server.NextAsync();

        Assert.That((mail.From, mail.To), Is.EqualTo(("noreply@test.example", "bob@mail.example")));
        Assert.That(mail.Header("From"), Is.EqualTo("\"Chat (no reply)\" <noreply@test.example>"));
        Assert.That(mail.Header("To"), Is.EqualTo("bob@mail.example"));
        Assert.That(mail.Header("Subject"), Is.EqualTo("Zwei =?utf-8?b?R3LDvMOfZQ==?="));
        Assert.That(mail.Header("Message-ID"), Does.EndWith("@test.example>"));
        Assert.That(
            DateTimeOffset.ParseExact(
                mail.Header("Date")!, "ddd, d MMM yyyy HH:mm:ss zzz", CultureInfo.InvariantCulture),
            Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(5)));
        Assert.That(mail.Header("Auto-Submitted"), Is.EqualTo("auto-generated"));
        Assert.That(mail.Header("List-Unsubscribe"), Is.EqualTo($"<{Link}>"));
        Assert.That(mail.Header("MIME-Version"), Is.EqualTo("1.0"));
        Assert.That(mail.Header("Content-Type"), Does.StartWith("multipart/alternative"));
        Assert.That(mail.Bodies, Is.EqualTo(new[] { Mail.Text.Trim(), Mail.Html }));
        Assert.That(mail.Text.Split("\r\n"), Has.All.Length.LessThanOrEqualTo(998));
    }

    [Test]
    public async Task Line_breaks_begin_no_header_and_no_command()
    {
        using var server = Server(SmtpTls.AtOnce);
        var mailer = Mailer(Options(server, MailTls.Implicit));
        var mail = Mail with
        {
            Subject = "Tea\r\nBcc: eve@evil.example\r\n\r\nbody",
            Headers = [("X-Test", "a\r\nBcc: eve@evil.example")],
        };

        Assert.That(await mailer.SendAsync(mail, default), Is.Null);
        var came = await server.NextAsync();

        Assert.That(came.Header("Bcc"), Is.Null);
        Assert.That(came.Bodies, Has.Count.EqualTo(2));
        Assert.That(came.Header("Subject"), Does.Contain("Tea").And.Contain("Bcc"));
        string[] addresses =
        [
            "a@b.example\r\nRCPT TO:<eve@evil.example>", "\"a\r\nRCPT TO:<eve@evil.example>\"@b.example",
        ];
        foreach (var to in addresses)
        {
            Assert.That(await mailer.SendAsync(MailTo(to), default), Is.Not.Null);
        }

        Assert.That(server.HasMail, Is.False);
        Assert.That(server.Lines.Select(line => line.Text), Has.None.Contains("eve@evil.example"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_domain_is_sent_as_it_is_in_the_dns(bool isInternational)
    {
        using var server = Server(SmtpTls.Never, extensions: isInternational ? _international : []);

        Assert.That(
            await Mailer(Options(server, MailTls.None)).SendAsync(MailTo("bob@Bücher.example"), default), Is.Null);
        var mail = await server.NextAsync();

        Assert.That(mail.To, Is.EqualTo("bob@xn--bcher-kva.example"));
        Assert.That(mail.Header("To"), Is.EqualTo("bob@xn--bcher-kva.example"));
        Assert.That(server.Lines.Select(line => line.Text), Has.None.Contains("SMTPUTF8"));
    }

    [Test]
    public async Task A_name_that_is_not_ascii_goes_to_servers_that_take_it()
    {
        using var server = Server(SmtpTls.Never, extensions: _international);
        using var older = Server(SmtpTls.Never, extensions: []);

        Assert.That(
            await Mailer(Options(server, MailTls.None)).SendAsync(MailTo("bübe@mail.example"), default), Is.Null);
        var mail = await server.NextAsync();
        var reason = await Mailer(Options(older, MailTls.None)).SendAsync(MailTo("bübe@mail.example"), default);

        Assert.That((mail.To, mail.Header("To")), Is.EqualTo(("bübe@mail.example", "bübe@mail.example")));
        Assert.That(server.Lines.Select(line => line.Text), Has.Some.Match("^MAIL .*SMTPUTF8"));
        Assert.That(reason, Does.Contain("ASCII"));
        AssertSentNothing(older);
    }
}
