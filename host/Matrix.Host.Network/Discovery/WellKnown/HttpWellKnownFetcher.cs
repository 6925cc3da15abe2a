using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Discovery.WellKnown;

/// <summary>
/// Fetches by <see cref="HttpClient"/>. Every connection is made to an address that the policy allows, after the name
/// was resolved; a request uses no connection of another.
/// </summary>
public sealed class HttpWellKnownFetcher : IWellKnownFetcher, IDisposable
{
    private readonly NetworkOptions _options;
    private readonly AddressPolicy _policy;
    private readonly IDnsResolver _resolver;
    private readonly CertificateTrust _trust;
    private readonly HttpClient _client;

    /// <summary>Makes the client.</summary>
    public HttpWellKnownFetcher(
        NetworkOptions options, AddressPolicy policy, IDnsResolver resolver, CertificateTrust trust)
    {
        _options = options;
        _policy = policy;
        _resolver = resolver;
        _trust = trust;
#pragma warning disable CA2000 // The client disposes of it.
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectCallback = (context, stop) => new ValueTask<Stream>(ConnectAsync(context.DnsEndPoint, stop)),
            MaxResponseHeadersLength = 16,
            PooledConnectionLifetime = TimeSpan.Zero,
            UseCookies = false,
            UseProxy = false,
        };
#pragma warning restore CA2000
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <inheritdoc/>
    public async ValueTask<WellKnownPage> GetAsync(Uri address, int maxBytes, CancellationToken stop)
    {
        if (address.Scheme != Uri.UriSchemeHttps) return WellKnownPage.Failed("the address is not https");

        // The connection's stream is TLS already: the client itself speaks plain HTTP on it.
        var plain = new UriBuilder(address) { Scheme = Uri.UriSchemeHttp, Port = address.Port }.Uri;
        using var request = new HttpRequestMessage(HttpMethod.Get, plain);
        var host = address.HostNameType == UriHostNameType.IPv6 ? address.Host : address.IdnHost;
        request.Headers.Host = address.IsDefaultPort ? host : $"{host}:{address.Port}";
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            return await ReadAsync(response, maxBytes, stop);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or AuthenticationException)
        {
            return WellKnownPage.Failed((fault.InnerException ?? fault).Message);
        }
    }

    private static async Task<WellKnownPage> ReadAsync(
        HttpResponseMessage response, int maxBytes, CancellationToken stop)
    {
        var page = new WellKnownPage
        {
            Status = (int)response.StatusCode,
            Location = FieldOf(response.Headers, "Location"),
            CacheControl = FieldOf(response.Headers, "Cache-Control") ?? "",
            Expires = FieldOf(response.Content.Headers, "Expires"),
            Date = response.Headers.Date,
            Age = response.Headers.Age ?? TimeSpan.Zero,
        };
        if (page.Status != (int)HttpStatusCode.OK) return page;
        if (response.Content.Headers.ContentLength > maxBytes) return page with { IsTooLarge = true };

        await using var stream = await response.Content.ReadAsStreamAsync(stop);
        var body = new byte[maxBytes + 1];
        var read = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, stop);
        return read > maxBytes ? page with { IsTooLarge = true } : page with { Body = body[..read] };
    }

    private static string? FieldOf(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    private async Task<Stream> ConnectAsync(DnsEndPoint target, CancellationToken stop)
    {
        var host = target.Host.Trim('[', ']');
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await FindAsync(host, stop);
        var allowed = addresses.Where(_policy.Allows).Take(_options.MaxEndPoints).ToList();
        if (allowed.Count == 0) throw new IOException($"{host} has no address that may be reached");

        for (var i = 0; ; i++)
        {
            try
            {
                return await OpenAsync(new IPEndPoint(allowed[i], target.Port), host, stop);
            }
            catch (Exception fault) when (fault is SocketException or IOException && i + 1 < allowed.Count)
            {
                // The next address may work.
            }
        }
    }

    private async Task<IReadOnlyList<IPAddress>> FindAsync(string host, CancellationToken stop)
    {
        var answer = await _resolver.AddressesAsync(host, stop);
        if (answer.Failure is { } failure) throw new IOException($"{host} was not resolved: {failure}");
        return answer.Addresses;
    }

    private async Task<Stream> OpenAsync(IPEndPoint target, string host, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_options.WellKnownConnectTime);
        try
        {
            return await ConnectAsync(target, host, limit.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new IOException($"{target} did not answer in time");
        }
    }

    private async Task<Stream> ConnectAsync(IPEndPoint target, string host, CancellationToken stop)
    {
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, stop);
            var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await _trust.AuthenticateAsync(tls, host, stop);
            return tls;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Closes the client.</summary>
    public void Dispose() => _client.Dispose();
}
