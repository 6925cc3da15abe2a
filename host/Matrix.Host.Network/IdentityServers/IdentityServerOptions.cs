using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Network.IdentityServers;

/// <summary>Requests to identity servers.</summary>
public sealed record IdentityServerOptions
{
    [Setting(
        "identity_servers.allowed",
        "The identity servers that users may name, such as vector.im, or * for all; none turns invites by "
            + "address and bindings off.",
        Form = SettingForm.ServerPatterns)]
    public IReadOnlyList<string> Allowed { get; init; } = [];

    [Setting(
        "identity_servers.allow_networks",
        "Networks in which they may be although they are private, such as [10.0.0.0/8].")]
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    [Setting(
        "identity_servers.request_time",
        "The time of one request to an identity server.",
        Form = SettingForm.Timer)]
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "identity_servers.response_bytes",
        "The response of an identity server.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 16 << 20)]
    public int MaxResponseBytes { get; init; } = 64 << 10;
}
