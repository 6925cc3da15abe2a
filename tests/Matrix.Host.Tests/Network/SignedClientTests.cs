using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.SafeHttp;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Network;

/// <summary>Signed requests over TLS, and what becomes of each kind of answer.</summary>
internal sealed class SignedClientTests
{
    private const string Us = "us.example";
    private const string Them = "localhost:8448";

    private readonly SigningKey _key = SigningKeyFile.Generate();
    private StubDiscovery _discovery = null!;
    private TestCa _ca = null!;
    private NetworkOptions _options = null!;
    private SafeHttpSender _sender = null!;
    private RequestLog _requests = null!;
    private LineLog _log = null!;
    private TlsServer? _server;

    private static CancellationToken Stop => CancellationToken.None;

    private SignedClient Client => new(
        _options,
        SigningKeyRing.Of(_key),
        new ServerFilter(_options.AllowServers, _options.DenyServers),
        _discovery, _sender, _requests,
        TimeProvider.System);

    [SetUp]
    public void Prepare()
    {
        _ca = new TestCa();
        _log = new LineLog();
        _discovery = new StubDiscovery();
        _options = new NetworkOptions
        {
            ServerName = Us,
            AllowNetworks = [IPNetwork.Parse("127.0.0.0/8")],
            CustomCa = _ca.File,
        };
        _sender = new SafeHttpSender(
            _options, new AddressPolicy(_options), new CertificateTrust(_options), TimeProvider.System);
        var loggers = LoggerFactory.Create(logging => logging.AddProvider(_log));
        _requests = new RequestLog(_options, TimeProvider.System, loggers.CreateLogger<RequestLog>());
    }

    [TearDown]
    public async Task Close()
    {
        if (_server is not null) await _server.DisposeAsync();
        _server = null;
        _sender.Dispose();
        _requests.Dispose();
        _log.Dispose();
        _ca.Dispose();
    }

    [Test]
    public async Task A_request_is_signed_with_its_target_destination_and_body()
    {
        var (authorization, target, body, type) = ("", "", "", "");
        await Serve(async http =>
        {
            authorization = http.Request.Headers.Authorization.ToString();
            target = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
            type = http.Request.ContentType!;
            using var reader = new StreamReader(http.Request.Body);
            body = await reader.ReadToEndAsync();
            await http.Response.WriteAsync("{\"a\":1}");
        });

        var json = JsonObject.OfSeq([("z", Json.Of(1)), ("a", Json.Of("é"))]);
        var sent = await Client.SendAsync(
            new FederationRequest(Them, "PUT", "/_matrix/federation/v1/send/1?a=%2F", json), Stop);

        Assert.That(sent.Value.IndexOf("a"), Is.Zero);
        Assert.That((target, type), Is.EqualTo(("/_matrix/federation/v1/send/1?a=%2F", "application/json")));
        Assert.That(body, Is.EqualTo("{\"a\":\"é\",\"z\":1}"));
        Assert.That(RequestAuth.TryParse(authorization, out var auth, out var error), Is.True, error.ToString());
        Assert.That((auth.Origin, auth.Destination, auth.KeyId), Is.EqualTo((Us, Them, _key.Id)));
        var signed = RequestAuth.BytesToSign("PUT", target, Us, Them, System.Text.Encoding.UTF8.GetBytes(body));
        Assert.That(Ed25519.Verify(_key.Key.PublicKey, signed, auth.Signature), Is.True);
    }

    [Test]
    public async Task A_request_without_a_body_is_signed_without_content()
    {
        var (authorization, body) = ("", false);
        await Serve(http =>
        {
            authorization = http.Request.Headers.Authorization.ToString();
            body |= http.Request.ContentType is not null || http.Request.ContentLength is not null;
            return http.Response.WriteAsync("{}");
        });

        await Client.SendAsync(Get("/_matrix/x"), Stop);
        _ = RequestAuth.TryParse(authorization, out var auth, out _);
        await Client.SendAsync(Get("/_matrix/x") with { IsSigned = false }, Stop);

        var signed = RequestAuth.BytesToSign("GET", "/_matrix/x", Us, Them, []);
        Assert.That(Ed25519.Verify(_key.Key.PublicKey, signed, auth.Signature), Is.True);
        Assert.That(authorization, Is.Empty);
        Assert.That(body, Is.False);
    }

    [Test]
    public async Task A_response_whose_JSON_would_take_more_memory_than_there_is_fails()
    {
        // Two bytes a value, of which each takes many.
        const int Values = 1 << 20;
        _sender.Dispose();
        _options = _options with { MaxResponseBytes = 4 * Values, MaxResponseBytesAtOnce = 32 << 20 };
        _sender = new SafeHttpSender(
            _options, new AddressPolicy(_options), new CertificateTrust(_options), TimeProvider.System);
        var values = Values;
        await Serve(http => http.Response.WriteAsync($"{{\"a\":[0{new StringBuilder().Insert(0, ",0", values)}]}}"));

        var failure = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Failure!;
        values = 1 << 16;

        Assert.That(failure.Kind, Is.EqualTo(FederationFailureKind.TooLarge));
        Assert.That((await Client.SendAsync(Get("/_matrix/x"), Stop)).IsOk, Is.True);
    }

    [Test]
    public async Task An_error_response_says_what_the_server_said()
    {
        await Serve(http =>
        {
            http.Response.StatusCode = 429;
            return http.Response.WriteAsync(
                "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"error\":\"Slow\",\"retry_after_ms\":1500,\"room_version\":\"9\"}");
        });

        var failure = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Failure!;

        Assert.That(
            (failure.Kind, failure.Status, failure.ErrorCode, failure.Message),
            Is.EqualTo((FederationFailureKind.Refused, 429, "M_LIMIT_EXCEEDED", "Slow")));
        Assert.That((failure.RoomVersion, failure.RetryAfter), Is.EqualTo(("9", TimeSpan.FromSeconds(1.5))));
    }

    [Test]
    public async Task An_error_page_of_a_proxy_is_an_error_without_a_code()
    {
        await Serve(http =>
        {
            http.Response.StatusCode = 502;
            http.Response.Headers.RetryAfter = "3";
            return http.Response.WriteAsync("<html>" + new string('x', 2000));
        });

        var failure = (await Client.SendForBytesAsync(Get("/_matrix/x"), Stop)).Failure!;

        Assert.That(
            (failure.Kind, failure.Status, failure.ErrorCode, failure.RetryAfter),
            Is.EqualTo((FederationFailureKind.Refused, 502, "", TimeSpan.FromSeconds(3))));
    }

    [TestCase("<html>")]
    [TestCase("[1]")]
    [TestCase("")]
    [TestCase("{\"a\":1")]
    public async Task A_response_that_is_no_object_is_a_failure(string text)
    {
        await Serve(http => http.Response.WriteAsync(text));

        var failure = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Failure!;

        Assert.That(failure.Kind, Is.EqualTo(FederationFailureKind.NotJson));
    }

    [Test]
    public async Task A_response_may_have_numbers_that_events_may_not()
    {
        await Serve(http => http.Response.WriteAsync("{\"a\":1.5,\"b\":123456789012345678901234567890,\"a\":2}"));

        var response = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Value;

        Assert.That(response.Value(response.IndexOf("a")), Is.EqualTo(Json.Of(2)), "the last wins");
    }

    [TestCase("denied.example")]
    [TestCase("a.denied.example:1")]
    [TestCase("not a name")]
    [TestCase(Us)]
    public async Task Servers_that_are_not_allowed_are_not_looked_up(string server)
    {
        _options = _options with { DenyServers = ["denied.example", "*.denied.example"] };
        _discovery.Delay = Timeout.InfiniteTimeSpan;

        var failure = (await Client.SendAsync(new FederationRequest(server, "GET", "/_matrix/x", null), Stop)).Failure!;

        Assert.That(failure.Kind, Is.EqualTo(FederationFailureKind.ServerDenied));
    }

    [Test]
    public async Task Only_listed_servers_are_reached_if_there_is_a_list()
    {
        _options = _options with { AllowServers = ["*.example"] };

        var failure = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Failure!;

        Assert.That(failure.Kind, Is.EqualTo(FederationFailureKind.ServerDenied));
    }

    [Test]
    public async Task A_server_that_is_not_found_is_a_failure_and_so_is_one_that_takes_too_long()
    {
        var unknown = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Failure!;
        _discovery.Delay = TimeSpan.FromSeconds(30);
        var request = Get("/_matrix/x") with { Time = TimeSpan.FromMilliseconds(200) };
        var slow = (await Client.SendAsync(request, Stop)).Failure!;

        Assert.That(
            (unknown.Kind, unknown.Message),
            Is.EqualTo((FederationFailureKind.NotFound, "there is no such name")));
        Assert.That(slow.Kind, Is.EqualTo(FederationFailureKind.TimedOut));
    }

    [Test]
    public async Task A_response_is_bounded_by_the_request_or_else_by_the_configuration()
    {
        _options = _options with { MaxResponseBytes = 20 };
        await Serve(http => http.Response.WriteAsync("{\"a\":\"0123456789012345678901234567890123456789\"}"));

        var failure = (await Client.SendAsync(Get("/_matrix/x"), Stop)).Failure!;
        var larger = await Client.SendAsync(Get("/_matrix/x") with { MaxBytes = 100 }, Stop);

        Assert.That(failure.Kind, Is.EqualTo(FederationFailureKind.TooLarge));
        Assert.That(larger.IsOk, Is.True);
    }

    [Test]
    public async Task Failures_of_a_server_are_logged_once_an_interval_and_all_are_counted()
    {
        var outcomes = new List<string>();
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "matrix_federation_request_duration_seconds")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meters.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            lock (outcomes) outcomes.Add((string)tags[0].Value!);
        });
        meters.Start();
        var status = 500;
        await Serve(http =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync("{}");
        });

        for (var n = 0; n < 3; n++) await Client.SendAsync(Get("/_matrix/x"), Stop);
        status = 404;
        await Client.SendAsync(Get("/_matrix/x"), Stop);
        await Client.SendAsync(new FederationRequest("nowhere.example", "GET", "/_matrix/x", null), Stop);

        var lines = _log.Lines.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines, Has.Length.EqualTo(2), _log.Lines);
        Assert.That(lines[0], Does.Contain(Them).And.Contain("500"));
        Assert.That(lines[1], Does.Contain("nowhere.example"));
        Assert.That(
            outcomes.Where(o => o is "refused_5xx" or "refused_4xx" or "not_found"),
            Is.SupersetOf(new[] { "refused_5xx", "refused_5xx", "refused_5xx", "refused_4xx", "not_found" }));
    }

    private static FederationRequest Get(string target) => new(Them, "GET", target, null);

    private async Task Serve(RequestDelegate answer)
    {
        _server = await TlsServer.StartAsync(_ca.Issue("localhost"), answer);
        _discovery.Add(Them, _server.EndPoint, "localhost");
    }
}
