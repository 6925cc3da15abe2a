using System.Net.Sockets;
using System.Text;

namespace Matrix.Processes;

/// <summary>The operator, who asks the administration API through a server's control socket, as `mx` does.</summary>
public static class ControlSocket
{
    /// <summary>Sends a request, and returns the status and the body.</summary>
    /// <param name="dataFolder">The server's data folder.</param>
    public static async Task<(int Status, string Text)> SendAsync(
        string dataFolder, HttpMethod method, string path, string? json = null, CancellationToken stop = default)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(
                    new UnixDomainSocketEndPoint(Path.Combine(dataFolder, "control", "socket")), stop);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        using var request = new HttpRequestMessage(method, new Uri("http://server" + path));
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        using var reply = await http.SendAsync(request, stop);
        return ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync(stop));
    }
}
