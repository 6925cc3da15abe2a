using System.Net;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>A listener of Synapse's.</summary>
/// <param name="Port">The port; 0 for a socket of the file system.</param>
/// <param name="Addresses">The addresses, as written.</param>
/// <param name="Resources">What it serves, such as `client` and `federation`.</param>
internal sealed record SynapseListener(int Port, IReadOnlyList<string> Addresses, IReadOnlySet<string> Resources)
{
    private static readonly string[] _everywhere = ["::", "0.0.0.0"];

    internal bool HasTls { get; init; }

    internal bool IsForwarded { get; init; }

    internal bool IsMetrics { get; init; }

    internal bool HasClients => Resources.Contains("client");

    internal bool HasServers => Resources.Contains("federation");

    /// <summary>The name in findings.</summary>
    internal string Name => Port == 0 ? "listeners.path" : $"listeners.{Port}";

    /// <summary>The one address at which this server can listen instead; null if none is an IP address.</summary>
    internal IPEndPoint? EndPoint
    {
        get
        {
            var known = Addresses.Select(Parse).OfType<IPAddress>().ToList();
            var best = known.Find(IPAddress.IPv6Any.Equals) ?? known.Find(IPAddress.Any.Equals)
                ?? known.Find(IPAddress.Loopback.Equals) ?? known.FirstOrDefault();
            return best is null || Port == 0 ? null : new IPEndPoint(best, Port);
        }
    }

    /// <summary>The addresses that are lost with one end point.</summary>
    internal IReadOnlyList<string> Beside(IPEndPoint chosen) =>
        chosen.Address.Equals(IPAddress.IPv6Any)
            ? []
            : [.. Addresses.Where(each => Parse(each) is not { } address
                || (!address.Equals(chosen.Address) && !chosen.Address.Equals(IPAddress.Any)))];

    internal static IReadOnlyList<SynapseListener> Read(SettingMap root)
    {
        var read = root.Whole("bind_port") is { } old and > 0
            ? Old(root, (int)Math.Min(old, 65535))
            : [.. root.Maps("listeners").Select(Of).OfType<SynapseListener>()];
        if (root.Flag("no_tls", false)) read = [.. read.Where(static each => !each.HasTls)];
        if (root.Whole("metrics_port") is not (> 0 and <= 65535 and var port)) return read;
        var host = root.Text("metrics_bind_host") ?? "127.0.0.1";
        return [.. read, new SynapseListener((int)port, [host], new HashSet<string>()) { IsMetrics = true }];
    }

    /// <summary>The form of long ago: one port with TLS, and one without.</summary>
    private static List<SynapseListener> Old(SettingMap root, int port)
    {
        var addresses = new[] { root.Text("bind_host") is { Length: > 0 } host ? host : "0.0.0.0" };
        var both = new HashSet<string> { "client", "federation" };
        var plain = root.Whole("unsecure_port") ?? port - 400;
        return
        [
            new SynapseListener(port, addresses, both) { HasTls = true },
            .. plain is > 0 and <= 65535 ? [new SynapseListener((int)plain, addresses, both)] : (SynapseListener[])[],
        ];
    }

    private static SynapseListener? Of(SettingMap listener)
    {
        var type = listener.Text("type") ?? "";
        var path = listener.Text("path");
        var port = listener.Whole("port") ?? 0;
        if (port is < 1 or > 65535 && path is null)
        {
            listener.Refuse(ConfigProblemKind.WrongValue, "port", "expected a port");
            return null;
        }

        if (type is "manhole" or "replication") return null;
        var resources = listener.Maps("resources").SelectMany(static each => each.TextOrTexts("names"))
            .ToHashSet(StringComparer.Ordinal);
        string[] addresses =
        [
            .. listener.TextOrTexts("bind_addresses"),
            .. listener.Text("bind_address") is { Length: > 0 } one ? [one] : (string[])[],
        ];
        if (addresses.Length == 0) addresses = _everywhere;
        return new SynapseListener(path is null ? (int)port : 0, addresses, resources)
        {
            HasTls = listener.Flag("tls", false),
            IsForwarded = listener.Flag("x_forwarded", path is not null),
            IsMetrics = type == "metrics" || (resources.Contains("metrics") && resources.Count == 1),
        };
    }

    private static IPAddress? Parse(string address) =>
        address is "localhost" ? IPAddress.Loopback
        : address.Length == 0 ? IPAddress.Any
        : IPAddress.TryParse(address.Trim('[', ']'), out var parsed) ? parsed
        : null;
}
