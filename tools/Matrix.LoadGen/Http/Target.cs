using System.Net;
using System.Text;

namespace Matrix.LoadGen.Http;

/// <summary>The address that requests go to, always of this machine.</summary>
internal sealed class Target
{
    private Target(IPEndPoint endpoint, string host)
    {
        Endpoint = endpoint;
        HostHeader = Encoding.ASCII.GetBytes($"Host: {host}\r\n");
    }

    public IPEndPoint Endpoint { get; }

    public byte[] HostHeader { get; }

    /// <summary>
    /// Reads <c>http://127.x.y.z:port</c> or <c>http://localhost:port</c>, and refuses anything else.
    /// </summary>
    public static Target Parse(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttp)
        {
            throw new UsageException($"'{url}' is not an http:// address.");
        }

        var address = uri.Host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(uri.Host, out var parsed)
            ? parsed : null;

        // A load generator aimed at someone else is a weapon: only 127.0.0.0/8 is ever a target.
        if (address is null || address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork
            || address.GetAddressBytes()[0] != 127)
        {
            throw new UsageException($"'{url}' is not on this machine: only addresses in 127.0.0.0/8 are driven.");
        }

        return new Target(new IPEndPoint(address, uri.Port), uri.Authority);
    }
}
