using System.Net;
using System.Net.Sockets;
using Matrix.Host.Network;
using Matrix.Host.Network.SafeHttp;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.Host.Tests.Network;

/// <summary>Requests to servers that are slow, large, wrong or somewhere else than they say.</summary>
internal sealed class SafeHttpTests
{
    private TestCa _ca = null!;
    private NetworkOptions _options = null!;
    private SafeHttpSender? _sender;

    private static CancellationToken Stop => CancellationToken.None;

    private SafeHttpSender Sender => _sender ??= new SafeHttpSender(
        _options, new AddressPolicy(_options), new CertificateTrust(_options), TimeProvider.System);

    [SetUp]
    public void Prepare()
    {
        _ca = new TestCa();
        _options = new NetworkOptions
        {
            ServerName = "us.example",
            AllowNetworks = [IPNetwork.Parse("127.0.0.0/8")],
            CustomCa = _ca.File,
        };
    }

    [TearDown]
    public void Close()
    {
        _sender?.Dispose();
        _sender = null;
        _ca.Dispose();
    }

    [Test]
    public async Task A_response_comes_with_its_status_and_headers()
    {
        await using var server = await ServerOf("localhost", async http =>
        {
            http.Response.StatusCode = 418;
            http.Response.Headers["Cache-Control"] = "max-age=7";
            await http.Response.WriteAsync($"{http.Request.Method} {http.Request.Host} {await BodyOf(http)}");
        });

        var reply = await Reply(CallTo(server, "localhost", "other.example:8448") with
        {
            Method = "PUT",
            Body = "{}"u8.ToArray(),
        });

        Assert.That((reply.Status, Text(reply)), Is.EqualTo((418, "PUT other.example:8448 {}")));
        Assert.That(reply.Headers.CacheControl!.MaxAge, Is.EqualTo(TimeSpan.FromSeconds(7)));
    }

    [Test]
    public void A_request_that_fails_as_its_caller_stops_it_is_stopped()
    {
        var call = new HttpCall(new HttpTarget([], "x", "x"), "GET", "/") { MaxBytes = 1, Time = TimeSpan.MaxValue };
        var reset = new HttpRequestException("The connection was reset.", new IOException());

        Assert.That(
            SafeHttpSender.FailureOf(reset, false, call, Stop)!.Kind, Is.EqualTo(HttpFailureKind.Unreachable));
        Assert.That(
            () => SafeHttpSender.FailureOf(reset, false, call, new CancellationToken(true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(
            SafeHttpSender.FailureOf(new InvalidOperationException(), false, call, new CancellationToken(true)),
            Is.Null);
    }

    [Test]
    public async Task The_target_is_sent_as_it_is()
    {
        await using var server = await ServerOf("localhost", http => http.Response.WriteAsync(
            http.Features.Get<IHttpRequestFeature>()!.RawTarget));
        const string target = "/_matrix/%21a%2Fb/%2e%2E/../%7E//x?q=%20%2B+&r=%41";

        var reply = await Reply(CallTo(server, "localhost") with { PathAndQuery = target });

        Assert.That(Text(reply), Is.EqualTo(target));
    }

    [TestCase("no-slash")]
    [TestCase("/a b")]
    [TestCase("/a#b")]
    [TestCase("/a\r\nHost: b")]
    [TestCase("/é")]
    public async Task A_target_that_is_not_encoded_is_a_fault_of_ours(string target)
    {
        await using var server = await ServerOf("localhost", Ok);

        Assert.That(
            async () => await Sender.SendAsync(CallTo(server, "localhost") with { PathAndQuery = target }, Stop),
            Throws.ArgumentException);
    }

    [Test]
    public async Task A_name_is_sent_in_TLS_and_an_address_is_not()
    {
        await using var server = await ServerOf(_ca.Issue("localhost", "127.0.0.1"), Ok);

        await Reply(CallTo(server, "localhost"));
        await Reply(CallTo(server, "127.0.0.1"));

        Assert.That(server.ServerNames, Is.EqualTo(new[] { "localhost", null }));
    }

    [Test]
    public async Task An_address_of_IPv6_has_a_certificate_too()
    {
        if (!Socket.OSSupportsIPv6) Assert.Ignore("There is no IPv6 here.");
        _options = _options with { AllowNetworks = [IPNetwork.Parse("::1/128")] };
        await using var server = await TlsServer.StartAsync(_ca.Issue("::1"), Ok, "::1");

        var reply = await Reply(CallTo(server, "::1", "[::1]:8448"));

        Assert.That(reply.Status, Is.EqualTo(200));
    }

    [TestCase("other.example", "localhost")]
    [TestCase("localhost", "127.0.0.1")]
    [TestCase("127.0.0.2", "127.0.0.1")]
    [TestCase("127.0.0.1", "localhost")]
    [TestCase("*.example", "a.b.example")]
    public async Task A_certificate_for_another_name_or_address_is_refused(string certified, string expected)
    {
        await using var server = await ServerOf(_ca.Issue(certified), Ok);

        var failure = await Failure(CallTo(server, expected));
        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.Tls));
        Assert.That(failure.Message, Does.EndWith($"the certificate is for {certified}, not for {expected}"));
        Assert.That(server.Requests, Is.Zero);
    }

    [Test]
    public async Task A_certificate_with_a_wildcard_is_valid_for_names_of_one_more_label()
    {
        await using var server = await ServerOf(_ca.Issue("*.server.example"), Ok);

        Assert.That((await Reply(CallTo(server, "a.server.example"))).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task An_expired_certificate_is_refused()
    {
        await using var server = await ServerOf(_ca.Issue(DateTimeOffset.UtcNow.AddDays(-1), "localhost"), Ok);

        var failure = await Failure(CallTo(server, "localhost"));
        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.Tls));
        Assert.That(failure.Message, Does.Contain("is not valid now"));
    }

    [Test]
    public async Task A_certificate_of_an_unknown_authority_is_refused()
    {
        using var other = new TestCa();
        await using var server = await ServerOf(other.Issue("localhost"), Ok);

        var failure = await Failure(CallTo(server, "localhost"));
        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.Tls));
        Assert.That(failure.Message, Does.Contain("an authority that is not trusted"));
    }

    [Test]
    public async Task Without_authorities_of_its_own_the_server_trusts_the_systems_only()
    {
        _options = _options with { CustomCa = "" };
        await using var server = await ServerOf("localhost", Ok);

        var failure = await Failure(CallTo(server, "localhost"));

        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.Tls));
        Assert.That(failure.Message, Does.Contain(server.EndPoint.ToString()));
    }

    [Test]
    public void A_file_without_certificates_is_refused_with_its_name()
    {
        var file = Path.Combine(Path.GetDirectoryName(_ca.File)!, "empty.pem");
        File.WriteAllText(file, "nothing");

        Assert.That(
            () => CertificateTrust.Read(file),
            Throws.InstanceOf<InvalidDataException>().With.Message.Contains(file));
    }

    [Test]
    public async Task A_private_address_is_refused_unless_its_network_is_allowed()
    {
        await using var server = await ServerOf("localhost", Ok);
        _options = _options with { AllowNetworks = [IPNetwork.Parse("127.0.0.9/32")] };

        var failure = await Failure(CallTo(server, "localhost"));
        var inside = new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.1"), server.EndPoint.Port);
        var mapped = await Failure(
            CallTo(server, "localhost") with { Target = new HttpTarget([inside], "a", "localhost") });
        var none = await Failure(CallTo(server, "localhost") with { Target = new HttpTarget([], "a", "localhost") });

        Assert.That(
            new[] { failure.Kind, mapped.Kind, none.Kind }, Is.All.EqualTo(HttpFailureKind.AddressRefused));
        Assert.That(failure.Message, Does.Contain("127.0.0.1"));
        Assert.That(server.Connections, Is.Zero);
    }

    [Test]
    public async Task The_next_address_is_tried_when_one_cannot_be_reached()
    {
        await using var server = await ServerOf("localhost", Ok);
        var closed = new IPEndPoint(IPAddress.Parse("127.0.0.7"), server.EndPoint.Port);
        var refused = new IPEndPoint(IPAddress.Parse("10.1.2.3"), 8448);

        var reply = await Reply(CallTo(server, "localhost") with
        {
            Target = new HttpTarget([refused, closed, server.EndPoint], "localhost", "localhost"),
        });

        Assert.That(reply.Status, Is.EqualTo(200));
    }

    [Test]
    public async Task A_closed_port_is_unreachable()
    {
        await using var server = await ServerOf("localhost", Ok);
        var closed = new IPEndPoint(IPAddress.Parse("127.0.0.7"), server.EndPoint.Port);

        var failure = await Failure(
            CallTo(server, "localhost") with { Target = new HttpTarget([closed], "localhost", "localhost") });

        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.Unreachable));
    }

    [Test]
    public async Task A_server_without_TLS_fails_and_one_that_says_nothing_times_out()
    {
        _options = _options with { ConnectTime = TimeSpan.FromMilliseconds(300) };
        using var nobody = new TcpListener(IPAddress.Loopback, 0);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        listener.Start();
        static HttpCall Call(TcpListener to) =>
            new(new HttpTarget([(IPEndPoint)to.LocalEndpoint], "localhost", "localhost"), "GET", "/")
            {
                MaxBytes = 10,
                Time = TimeSpan.FromSeconds(60),
            };

        var silent = await Failure(Call(nobody));
        Assert.That(() => Sender.Sockets, Is.Zero.After(20_000, 20));

        // Only the silent server is to reach the limit.
        _sender!.Dispose();
        _sender = null;
        _options = _options with { ConnectTime = TimeSpan.FromSeconds(30) };
        var plain = Failure(Call(listener));
        using (var client = await listener.AcceptTcpClientAsync())
        {
            await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray());
            Assert.That((await plain).Kind, Is.EqualTo(HttpFailureKind.Tls));
        }

        Assert.That(silent.Kind, Is.EqualTo(HttpFailureKind.TimedOut));
        Assert.That(() => Sender.Sockets, Is.Zero.After(20_000, 20));
    }

    [TestCase(100, true, true)]
    [TestCase(101, true, false)]
    [TestCase(100, false, true)]
    [TestCase(101, false, false)]
    [TestCase(1_000_000, false, false)]
    public async Task A_body_is_bounded_whether_or_not_its_length_is_known(int size, bool saysLength, bool isRead)
    {
        await using var server = await ServerOf("localhost", async http =>
        {
            if (saysLength) http.Response.ContentLength = size;
            for (var left = size; left > 0; left -= 60)
            {
                await http.Response.Body.WriteAsync(new byte[Math.Min(60, left)]);
                await http.Response.Body.FlushAsync();
            }
        });

        var outcome = await Sender.SendAsync(CallTo(server, "localhost") with { MaxBytes = 100 }, Stop);

        Assert.That(outcome.Failure?.Kind, Is.EqualTo(isRead ? null : (HttpFailureKind?)HttpFailureKind.TooLarge));
        Assert.That(outcome.Reply?.Body.Length, Is.EqualTo(isRead ? size : null));
    }

    [Test]
    public async Task A_large_body_is_read_whole()
    {
        var bytes = new byte[3_000_001];
        Random.Shared.NextBytes(bytes);
        await using var server = await ServerOf("localhost", async http => await http.Response.Body.WriteAsync(bytes));

        var reply = await Reply(CallTo(server, "localhost") with { MaxBytes = bytes.Length });

        Assert.That(reply.Body.AsSpan().SequenceEqual(bytes), Is.True);
    }

    [Test]
    public async Task Bodies_that_are_read_at_once_are_bounded_together()
    {
        _options = _options with { MaxResponseBytesAtOnce = 250_000 };
        var rest = new TaskCompletionSource();
        await using var server = await ServerOf("localhost", async http =>
        {
            await http.Response.Body.WriteAsync(new byte[100_000]);
            await http.Response.Body.FlushAsync();
            if (http.Request.Path == "/slow") await rest.Task;
        });
        var call = CallTo(server, "localhost") with { MaxBytes = 200_000 };

        var slow = Reply(call with { PathAndQuery = "/slow" });
        // The first response holds most of the bytes from here on.
        Assert.That(() => Sender.BytesHeld, Is.GreaterThan(80_000).After(5000, 10));
        var failure = await Failure(call);
        rest.SetResult();

        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.TooLarge));
        Assert.That((await slow).Body, Has.Length.EqualTo(100_000));
        Assert.That((await Reply(call)).Body, Has.Length.EqualTo(100_000));
        Assert.That(Sender.BytesHeld, Is.Zero);
    }

    [Test]
    public async Task Bodies_count_until_nothing_holds_them()
    {
        const int Size = 20 << 20;
        _options = _options with { MaxResponseBytesAtOnce = 64 << 20 };
        await using var server = await ServerOf("localhost", async http =>
        {
            for (var n = 0; n < Size; n += 1 << 20) await http.Response.Body.WriteAsync(new byte[1 << 20]);
        });
        var call = CallTo(server, "localhost") with { MaxBytes = 2 * Size, Time = TimeSpan.FromMinutes(1) };

        await HoldAsync();

        var isRead = false;
        for (var n = 0; n < 100 && !isRead; n++)
        {
            await Task.Delay(100);
            isRead = (await Sender.SendAsync(call, Stop)).Reply?.Body.Length == Size;
        }

        Assert.That(isRead, Is.True, "what nothing holds is collected when it is wanted");

        async Task HoldAsync()
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var held = new List<HttpOutcome>();
            held.AddRange(
                await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Sender.SendAsync(call, Stop).AsTask())));
            for (var n = 0; n < 8; n++) held.Add(await Sender.SendAsync(call, Stop));

            // Half of what all sixteen would hold; the rest of the process moves by some megabytes too.
            Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(8 * Size));
            Assert.That(
                held.Select(each => each.Failure?.Kind), Has.Exactly(2).Null, "a third one takes twice its bytes");
            Assert.That(
                held.Select(each => each.Failure).OfType<HttpFailure>().Select(each => each.Kind),
                Is.All.EqualTo(HttpFailureKind.TooLarge));
            Assert.That(Sender.BytesHeld, Is.InRange(2 * Size, _options.MaxResponseBytesAtOnce));
        }
    }

    [Test]
    public async Task A_body_counts_until_it_was_used()
    {
        await using var server = await ServerOf("localhost", http => http.Response.Body.WriteAsync(new byte[100_000])
            .AsTask());
        var counted = 0L;

        await Sender.SendAsync(
            CallTo(server, "localhost") with { MaxBytes = 200_000 }, (_, _) => counted = Sender.BytesHeld, Stop);

        Assert.That(counted, Is.GreaterThan(80_000));
        Assert.That(Sender.BytesHeld, Is.Zero);
    }

    [Test]
    public async Task Headers_are_bounded()
    {
        _options = _options with { MaxResponseHeaderBytes = 4 << 10 };
        await using var server = await ServerOf("localhost", http =>
        {
            http.Response.Headers["X-Long"] = new string('x', 5 << 10);
            return Task.CompletedTask;
        });

        Assert.That((await Failure(CallTo(server, "localhost"))).Kind, Is.EqualTo(HttpFailureKind.TooLarge));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_slow_response_ends_with_the_time_of_the_request(bool drips)
    {
        await using var server = await ServerOf("localhost", async http =>
        {
            while (!http.RequestAborted.IsCancellationRequested)
            {
                if (drips)
                {
                    await http.Response.WriteAsync("x");
                    await http.Response.Body.FlushAsync();
                }

                await Task.Delay(20);
            }
        });

        var failure = await Failure(CallTo(server, "localhost") with { Time = TimeSpan.FromMilliseconds(400) });

        Assert.That(failure.Kind, Is.EqualTo(HttpFailureKind.TimedOut));
        Assert.That(() => Sender.Sockets, Is.Zero.After(20_000, 20));
    }

    [Test]
    public async Task A_caller_that_goes_away_ends_the_request()
    {
        await using var server = await ServerOf("localhost", http => Task.Delay(10_000, http.RequestAborted));
        using var stop = new CancellationTokenSource(200);

        Assert.That(
            async () => await Sender.SendAsync(CallTo(server, "localhost"), stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task A_connection_that_ends_in_the_middle_is_unreachable()
    {
        await using var server = await ServerOf("localhost", async http =>
        {
            http.Response.ContentLength = 1000;
            await http.Response.WriteAsync("half");
            await http.Response.Body.FlushAsync();
            http.Abort();
        });

        Assert.That((await Failure(CallTo(server, "localhost"))).Kind, Is.EqualTo(HttpFailureKind.Unreachable));
    }

    [Test]
    public async Task Redirects_are_not_followed_and_cookies_are_not_kept()
    {
        await using var server = await ServerOf("localhost", http =>
        {
            http.Response.Headers.SetCookie = "a=b";
            http.Response.Redirect("/elsewhere");
            return http.Response.WriteAsync(http.Request.Headers.Cookie.ToString());
        });

        await Reply(CallTo(server, "localhost"));
        var reply = await Reply(CallTo(server, "localhost"));

        Assert.That((reply.Status, Text(reply)), Is.EqualTo((302, "")));
        Assert.That(reply.Headers.Location!.ToString(), Is.EqualTo("/elsewhere"));
        Assert.That(server.Requests, Is.EqualTo(2));
    }

    [Test]
    public async Task A_connection_serves_many_requests_of_the_same_server_only()
    {
        await using var server = await ServerOf(_ca.Issue("localhost", "127.0.0.1"), Ok);

        for (var n = 0; n < 5; n++) await Reply(CallTo(server, "localhost"));
        Assert.That(server.Connections, Is.EqualTo(1));
        await Reply(CallTo(server, "127.0.0.1"));
        Assert.That(server.Connections, Is.EqualTo(2), "another certificate");
        await Reply(CallTo(server, "localhost", "other.example"));
        Assert.That(server.Connections, Is.EqualTo(3), "another host");
    }

    [Test]
    public async Task Sockets_are_bounded_over_all_servers_and_idle_ones_give_way()
    {
        _options = _options with { MaxSockets = 2 };
        var certificate = _ca.Issue("localhost");
        await using var one = await ServerOf(certificate, Ok);
        await using var two = await ServerOf(certificate, Ok);
        await using var three = await ServerOf(certificate, Ok);

        for (var round = 0; round < 3; round++)
        {
            foreach (var server in new[] { one, two, three })
            {
                await Reply(CallTo(server, "localhost"));
                Assert.That(Sender.Sockets, Is.LessThanOrEqualTo(2));
            }
        }

        Assert.That(one.Connections, Is.EqualTo(3), "closed for the others");
    }

    [Test]
    public async Task A_request_waits_for_a_socket_within_its_time()
    {
        _options = _options with { MaxSockets = 1 };
        var certificate = _ca.Issue("localhost");
        var answer = new TaskCompletionSource();
        await using var slow = await ServerOf(certificate, _ => answer.Task);
        await using var other = await ServerOf(certificate, Ok);
        var first = Reply(CallTo(slow, "localhost"));
        Assert.That(() => slow.Requests, Is.EqualTo(1).After(5000, 10));

        var late = await Failure(CallTo(other, "localhost") with { Time = TimeSpan.FromMilliseconds(200) });
        var waiting = Reply(CallTo(other, "localhost"));
        Assert.That(other.Connections, Is.Zero);
        answer.SetResult();

        Assert.That(late.Kind, Is.EqualTo(HttpFailureKind.TimedOut));
        Assert.That((await first).Status, Is.EqualTo(200));
        Assert.That((await waiting).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Sockets_to_one_server_are_bounded()
    {
        _options = _options with { MaxSocketsPerServer = 2 };
        await using var server = await ServerOf("localhost", async http =>
        {
            await Task.Delay(50);
            await http.Response.WriteAsync("x");
        });

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Reply(CallTo(server, "localhost"))));

        Assert.That(replies.Select(reply => reply.Status), Is.All.EqualTo(200));
        Assert.That(server.Connections, Is.InRange(1, 2));
    }

    [Test]
    public async Task Idle_connections_are_closed()
    {
        _options = _options with { IdleConnectionTime = TimeSpan.FromMilliseconds(500) };
        var (sender, during) = (Sender, 0);
        await using var server = await ServerOf("localhost", http =>
        {
            during = sender.Sockets;
            return Ok(http);
        });

        await Reply(CallTo(server, "localhost"));

        Assert.That(during, Is.EqualTo(1));
        Assert.That(() => sender.Sockets, Is.Zero.After(20_000, 50));
    }

    private static Task Ok(HttpContext http) => http.Response.WriteAsync("{}");

    private static string Text(HttpReply reply) => System.Text.Encoding.UTF8.GetString(reply.Body);

    private static async Task<string> BodyOf(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        return await reader.ReadToEndAsync();
    }

    private Task<TlsServer> ServerOf(string name, RequestDelegate answer) => ServerOf(_ca.Issue(name), answer);

    private static Task<TlsServer> ServerOf(
        System.Security.Cryptography.X509Certificates.X509Certificate2 certificate, RequestDelegate answer) =>
        TlsServer.StartAsync(certificate, answer);

    private static HttpCall CallTo(TlsServer server, string certificateName, string? host = null) =>
        new(new HttpTarget([server.EndPoint], host ?? "localhost", certificateName), "GET", "/")
        {
            MaxBytes = 1000,
            Time = TimeSpan.FromSeconds(30),
        };

    private async Task<HttpReply> Reply(HttpCall call)
    {
        var outcome = await Sender.SendAsync(call, Stop);
        Assert.That(outcome.Failure, Is.Null);
        return outcome.Reply!;
    }

    private async Task<HttpFailure> Failure(HttpCall call)
    {
        var outcome = await Sender.SendAsync(call, Stop);
        Assert.That(outcome.Reply, Is.Null);
        return outcome.Failure!;
    }
}
