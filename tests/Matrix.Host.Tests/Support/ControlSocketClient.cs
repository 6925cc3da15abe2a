using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Support;

/// <summary>The operator, who asks the administration API through the control socket, as `mx` does.</summary>
public static class ControlSocketClient
{
    /// <summary>Sends a request to a path below `/_synapse/admin/v1/`.</summary>
    public static async Task<(int Status, JsonNode Json)> OperatorAsync(
        this HomeserverFixture server, HttpMethod method, string path, JsonObject? body = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        var (status, text) = await server.OperatorGetsAsync(method, "/_synapse/admin/v1/" + path, body)
            .ConfigureAwait(false);
        return (status, JsonNode.Parse(text)!);
    }

    /// <summary>Sends a request to any path.</summary>
    public static async Task<(int Status, string Text)> OperatorGetsAsync(
        this HomeserverFixture server, HttpMethod method, string path, JsonObject? body = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(
                    new UnixDomainSocketEndPoint(Path.Combine(server.Folder, "control", "socket")), stop)
                    .ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        using var request = new HttpRequestMessage(method, new Uri("http://server" + path));
        if (body is not null) request.Content = new StringContent(body.ToJsonString());
        using var reply = await http.SendAsync(request).ConfigureAwait(false);
        return ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync().ConfigureAwait(false));
    }
}
