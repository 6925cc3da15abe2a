using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Checking;

/// <summary>
/// Finds and asks a server as federation does, and says what each step found: the configuration, discovery, each
/// address with its certificate, the signing keys, the clock, the version. Nothing is signed and nothing is stored.
/// </summary>
public sealed class ServerCheck : IDisposable
{
    /// <summary>The difference of clocks from which other servers' requests and keys may be taken as invalid.</summary>
    private static readonly TimeSpan _clockTolerance = TimeSpan.FromSeconds(60);

    private readonly NetworkOptions _options;
    private readonly TimeProvider _time;
    private readonly AddressPolicy _policy;
    private readonly CertificateTrust _trust;
    private readonly UnboundResolver _resolver;
    private readonly HttpWellKnownFetcher _fetcher;
    private readonly SafeHttpSender _sender;

    /// <summary>A check with the settings of a server.</summary>
    public ServerCheck(NetworkOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _policy = new AddressPolicy(options);
        _trust = new CertificateTrust(options);
        _resolver = new UnboundResolver(options);
        _fetcher = new HttpWellKnownFetcher(options, _policy, _resolver, _trust);
        _sender = new SafeHttpSender(options, _policy, _trust, time);
    }

    /// <summary>
    /// The steps, as they are done. The last ones are missing if an earlier one leaves nothing to do.
    /// </summary>
    public async IAsyncEnumerable<CheckStep> RunAsync(
        string server, [EnumeratorCancellation] CancellationToken stop)
    {
        if (!new ServerFilter(_options.AllowServers, _options.DenyServers).Allows(server))
        {
            yield return CheckStep.Failed(
                "configuration", $"federation.allow_servers or federation.deny_servers excludes {server}");
        }

        var lookups = new RecordedLookups(_resolver, _fetcher);
        using var discovery = new ServerDiscovery(_options, lookups, lookups, _policy, _time);
        var found = await discovery.FindAsync(server, stop);
        foreach (var answer in lookups.Take()) yield return answer;
        if (!found.IsFound)
        {
            yield return CheckStep.Failed("discovery", found.Failure);
            yield break;
        }

        var address = found.Address;
        yield return CheckStep.Passed(
            "discovery",
            $"{string.Join(", ", address.EndPoints)}, certificate for {address.CertificateName}, "
            + $"Host: {address.HostHeader}");

        HttpTarget? target = null;
        foreach (var endPoint in address.EndPoints.Take(_options.MaxAddressesTried))
        {
            var step = await ConnectAsync(endPoint, address.CertificateName, stop);
            if (step.Outcome == CheckOutcome.Passed)
            {
                target ??= new HttpTarget([endPoint], address.HostHeader, address.CertificateName);
            }

            yield return step;
        }

        if (target is null) yield break;
        await foreach (var step in KeysAsync(server, target, stop)) yield return step;
        yield return await VersionAsync(target, stop);
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        _sender.Dispose();
        _fetcher.Dispose();
        _resolver.Dispose();
    }

    private async ValueTask<CheckStep> ConnectAsync(IPEndPoint endPoint, string name, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_options.ConnectTime);
        using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var step = "connection";
        try
        {
            await socket.ConnectAsync(endPoint, limit.Token);
            step = "tls";
            await using var stream = new NetworkStream(socket, ownsSocket: false);
            await using var tls = new SslStream(stream);
            await _trust.AuthenticateAsync(tls, name, limit.Token);
            return CheckStep.Passed(step, $"{endPoint}: {WordsOf(tls)}");
        }
        catch (Exception fault) when (!stop.IsCancellationRequested && fault is SocketException or IOException
            or AuthenticationException or ArgumentException or NotSupportedException or OperationCanceledException)
        {
            var reason = fault is OperationCanceledException
                ? $"no answer within {_options.ConnectTime.TotalSeconds:0.#} s"
                : fault.Message;
            return CheckStep.Failed(step, $"{endPoint}: {reason}");
        }
    }

    private static string WordsOf(SslStream tls)
    {
        var protocol = tls.SslProtocol == SslProtocols.Tls13 ? "TLS 1.3" : "TLS 1.2";
        return tls.RemoteCertificate is X509Certificate2 leaf
            ? $"{protocol}, certificate of {leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: true)}, "
                + $"valid until {DayOf(leaf.NotAfter.ToUniversalTime())}"
            : protocol;
    }

    private async IAsyncEnumerable<CheckStep> KeysAsync(
        string server, HttpTarget target, [EnumeratorCancellation] CancellationToken stop)
    {
        const string Step = "keys";
        var asked = _time.GetUtcNow();
        var outcome = await GetAsync(target, "/_matrix/key/v2/server", stop);
        var answered = _time.GetUtcNow();
        if (outcome.Reply is not { } reply)
        {
            yield return CheckStep.Failed(Step, outcome.Failure!.Message);
            yield break;
        }

        if (reply.Status != 200)
        {
            yield return CheckStep.Failed(
                Step, $"/_matrix/key/v2/server has the status {reply.Status}: is a proxy in front of the server?");
            yield break;
        }

        yield return StepOfKeys(server, reply.Body);
        if (reply.Headers.Date is not { } theirs) yield break;
        var difference = ClockDifference(theirs, asked, answered);
        var seconds = difference.TotalSeconds.ToString("+0;-0;0", CultureInfo.InvariantCulture);
        yield return difference.Duration() <= _clockTolerance
            ? CheckStep.Passed("clock", $"differs by {seconds} s")
            : CheckStep.Failed("clock", $"differs by {seconds} s: one of the two clocks is wrong");
    }

    /// <summary>
    /// The least difference that explains a `Date` header, which is in whole seconds, of a response between two times.
    /// </summary>
    internal static TimeSpan ClockDifference(DateTimeOffset date, DateTimeOffset asked, DateTimeOffset answered) =>
        date > answered ? date - answered
        : date.AddSeconds(1) < asked ? date.AddSeconds(1) - asked
        : TimeSpan.Zero;

    private CheckStep StepOfKeys(string server, byte[] body)
    {
        const string Step = "keys";
        if (!TryRead(body, out var json))
        {
            return CheckStep.Failed(Step, "the response is not a JSON object");
        }

        if (!KeyResponse.TryRead(json, server, _options.MaxKeysPerServer, out var keys, out var fault))
        {
            return CheckStep.Failed(Step, fault.ToString());
        }

        foreach (var signature in keys.Signatures)
        {
            if (!Ed25519.Verify(signature.PublicKey, keys.BytesToVerify, signature.Signature))
            {
                return CheckStep.Failed(Step, $"the signature by {signature.KeyId} is not valid");
            }
        }

        var now = _time.GetUtcNow();
        var validUntil = DateTimeOffset.FromUnixTimeMilliseconds(keys.ValidUntil(now.ToUnixTimeMilliseconds()));
        var ids = string.Join(", ", keys.VerifyKeys.Select(key => key.KeyId));
        return validUntil > now
            ? CheckStep.Passed(Step, $"{ids}, valid until {DayOf(validUntil.UtcDateTime)}")
            : CheckStep.Failed(Step, $"{ids}, valid until {DayOf(validUntil.UtcDateTime)} only: they have expired");
    }

    private async ValueTask<CheckStep> VersionAsync(HttpTarget target, CancellationToken stop)
    {
        const string Step = "version";
        var outcome = await GetAsync(target, "/_matrix/federation/v1/version", stop);
        if (outcome.Reply is not { } reply) return CheckStep.Failed(Step, outcome.Failure!.Message);
        if (reply.Status != 200 || !TryRead(reply.Body, out var json))
        {
            return CheckStep.Failed(
                Step, $"/_matrix/federation/v1/version has the status {reply.Status}: is federation turned off?");
        }

        var server = json.Child("server") ?? JsonObject.Empty;
        return CheckStep.Passed(Step, $"{server.Text("name") ?? "?"} {server.Text("version") ?? "?"}");
    }

    private ValueTask<HttpOutcome> GetAsync(HttpTarget target, string path, CancellationToken stop) =>
        _sender.SendAsync(
            new HttpCall(target, "GET", path)
            {
                MaxBytes = _options.MaxKeyResponseBytes,
                Time = _options.KeyFetchTime,
            },
            stop);

    private static bool TryRead(byte[] body, out JsonObject json) =>
        JsonText.TryParseObject(body, Reading.Lenient, JsonText.FederationBodyLimits, out json, out _);

    private static string DayOf(DateTime utc) => utc.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
