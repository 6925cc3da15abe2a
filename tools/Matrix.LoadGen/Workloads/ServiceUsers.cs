using System.Text;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>A request of an application service.</summary>
/// <param name="Method">The method: `POST` or `PUT`.</param>
/// <param name="Path">The path, without the user.</param>
/// <param name="Body">The body.</param>
/// <param name="UserId">The user that the service acts as; null for its own.</param>
internal readonly record struct ServiceRequest(string Method, string Path, string Body, string? UserId);

/// <summary>
/// Many users of an application service: they have no passwords, so that they are made fast, and the service makes
/// their requests by a few connections.
/// </summary>
internal sealed class ServiceUsers(Server server, string token, string serverName)
{
    private const int Connections = 16;

    /// <summary>The id of a user.</summary>
    public string UserId(int number) => $"@_load_{number}:{serverName}";

    /// <summary>Registers the users of these numbers.</summary>
    public void Register(int count) => Each(count, i => new ServiceRequest(
        "POST", "/_matrix/client/v3/register",
        $$"""{"type":"m.login.application_service","username":"_load_{{i}}","inhibit_login":true}""", null));

    /// <summary>Each of these users joins the room of its number.</summary>
    public void Join(int count, Func<int, string> roomId) => Each(count, i => new ServiceRequest(
        "POST", $"/_matrix/client/v3/join/{Uri.EscapeDataString(roomId(i))}", "{}", UserId(i)));

    /// <summary>Makes requests of the numbers up to a count, several at once; every response must be 200.</summary>
    /// <param name="count">The number of requests.</param>
    /// <param name="make">The request of a number.</param>
    /// <param name="read">Reads the response to the request of a number.</param>
    public void Each(int count, Func<int, ServiceRequest> make, Action<int, HttpConnection>? read = null)
    {
        if (count < Connections) throw new ArgumentOutOfRangeException(nameof(count), "Too few for the connections.");
        var next = 0;
        var exchanges = new List<Exchange>();
        for (var i = 0; i < Connections; i++)
        {
            var connection = new HttpConnection(server.Target, token);
            var number = 0;
            exchanges.Add(new Exchange(
                connection,
                () =>
                {
                    number = next++;
                    Begin(connection, make(number));
                },
                () =>
                {
                    var status = connection.End();
                    if (status != 200)
                    {
                        throw new InvalidDataException($"{server.Name} answered {status}: {connection.BodyText}");
                    }

                    read?.Invoke(number, connection);
                }));
        }

        new Crowd(server).RepeatInAll(exchanges, count);
        exchanges.ForEach(exchange => exchange.Connection.Dispose());
    }

    private static void Begin(HttpConnection connection, ServiceRequest request)
    {
        var path = request.UserId is { } user ? $"{request.Path}?user_id={Uri.EscapeDataString(user)}" : request.Path;
        var body = Encoding.UTF8.GetBytes(request.Body);
        if (request.Method == "PUT")
        {
            connection.BeginPut(path, body);
        }
        else
        {
            connection.BeginPost(path, body);
        }
    }
}
