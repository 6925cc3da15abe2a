using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.TestWorld;

/// <summary>The operator, who asks the administration API through the control socket, as `mx` does.</summary>
public static class ControlSocketClient
{
    /// <summary>Sends a request to a path below `/_synapse/admin/v1/`.</summary>
    public static async Task<(int Status, JsonNode Json)> OperatorAsync(
        this TestServer server, HttpMethod method, string path, JsonObject? body = null)
    {
        var (status, text) = await server.OperatorGetsAsync(method, "/_synapse/admin/v1/" + path, body);
        return (status, JsonNode.Parse(text)!);
    }

    /// <summary>Sends a request to any path.</summary>
    public static Task<(int Status, string Text)> OperatorGetsAsync(
        this TestServer server, HttpMethod method, string path, JsonObject? body = null)
    {
        return ControlSocket.SendAsync(server.Folder, method, path, body?.ToJsonString());
    }
}
