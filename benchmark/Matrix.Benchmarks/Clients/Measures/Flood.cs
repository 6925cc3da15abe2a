using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>A flood of requests, and how often the server gave each response.</summary>
internal sealed class Flood
{
    private const string Unanswered = "no response yet";

    private readonly SortedDictionary<string, int> _responses = [];

    /// <summary>The time it took.</summary>
    public TimeSpan Elapsed { get; private set; }

    public int Count => _responses.Values.Sum();

    /// <summary>Requests that the server did what they asked for.</summary>
    public int Accepted => _responses.GetValueOrDefault("200");

    /// <summary>Requests that got no response yet.</summary>
    public int Waiting => _responses.GetValueOrDefault(Unanswered);

    /// <summary>Requests that failed inside the server.</summary>
    public int Failed => _responses.Where(each => each.Key.StartsWith("500", StringComparison.Ordinal))
        .Sum(each => each.Value);

    public override string ToString() =>
        $"{Count} requests in {Elapsed.TotalSeconds:0.0} s: "
            + string.Join(", ", _responses.Select(each => $"{each.Key} ({each.Value} times)"));

    /// <summary>Makes requests on several connections of a user at once.</summary>
    /// <param name="server">The server.</param>
    /// <param name="user">The user.</param>
    /// <param name="connections">The connections.</param>
    /// <param name="count">The requests in all.</param>
    /// <param name="begin">Begins the request of a number.</param>
    public static Flood Of(
        Server server, Account user, int connections, int count, Action<HttpConnection, int> begin)
    {
        var flood = new Flood();
        var next = 0;
        var accounts = Enumerable.Range(0, connections).Select(_ => user.Again()).ToList();
        var watch = Stopwatch.StartNew();
        new Crowd(server).RepeatInAll(
            [
                .. accounts.Select(account => new Exchange(
                    account.Connection,
                    () => begin(account.Connection, next++),
                    () => flood.Add(account.Connection.End(), account.Connection.Body))),
            ],
            count);
        flood.Elapsed = watch.Elapsed;
        accounts.ForEach(account => account.Dispose());
        return flood;
    }

    /// <summary>Begins uploads that do not go on, and reads what is answered within some time.</summary>
    public static Flood OfUnfinishedUploads(Server server, string token, int count, TimeSpan within)
    {
        var flood = new Flood();
        var watch = Stopwatch.StartNew();
        var sockets = new List<Socket>();
        var head = Encoding.ASCII.GetBytes(
            $"POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: {server.Target.Endpoint}\r\n"
                + $"Authorization: Bearer {token}\r\nContent-Type: image/png\r\nContent-Length: 10000000\r\n\r\nbegun");
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            socket.Connect(server.Target.Endpoint);
            socket.Send(head);
        }

        Thread.Sleep(within);
        var buffer = new byte[4096];
        foreach (var socket in sockets)
        {
            if (socket.Available == 0)
            {
                flood.Add(Unanswered);
                continue;
            }

            var answer = Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
            var at = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            flood.Add(
                int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture),
                at < 0 ? default : Encoding.UTF8.GetBytes(answer[(at + 4)..]));
        }

        flood.Elapsed = watch.Elapsed;
        sockets.ForEach(socket => socket.Dispose());
        return flood;
    }

    private void Add(int status, ReadOnlySpan<byte> body) =>
        Add(status == 200 ? "200" : $"{status} {ErrorOf(body)}");

    private void Add(string response) => _responses[response] = _responses.GetValueOrDefault(response) + 1;

    private static string ErrorOf(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("errcode"u8))
                {
                    reader.Read();
                    return reader.GetString() ?? "";
                }
            }
        }
        catch (JsonException)
        {
            // It is not of a Matrix server, or came in part.
        }

        return "without errcode";
    }
}
