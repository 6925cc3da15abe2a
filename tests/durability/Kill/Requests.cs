using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.Durability.Kill;

/// <summary>What a request changes, for the questions that are asked afterwards.</summary>
internal enum Change
{
    /// <summary>A message in a room.</summary>
    Message,

    /// <summary>A state event in a room, of the client's own state key.</summary>
    State,

    /// <summary>A message to the observer's device.</summary>
    ToDevice,
}

/// <summary>A request that may be made again: the path holds its transaction id (a state event's own value does as well).</summary>
/// <param name="Change">What it changes.</param>
/// <param name="RoomId">Where; empty for to-device messages.</param>
/// <param name="Path">Its path.</param>
/// <param name="Mark">A text that only this request's content holds.</param>
internal sealed record Request(Change Change, string RoomId, string Path, string Mark, byte[] Body)
{
    private const string Client = "/_matrix/client/v3/";
    private static readonly string Run = Guid.NewGuid().ToString("n")[..8];
    private static long _last;

    public static Request Message(string roomId)
    {
        var mark = NextMark();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { msgtype = "m.text", body = mark });
        return new(Change.Message, roomId, $"{Client}rooms/{Uri.EscapeDataString(roomId)}/send/m.room.message/{mark}", mark, body);
    }

    public static Request State(string roomId, string key)
    {
        var mark = NextMark();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { mark });
        return new(Change.State, roomId, $"{Client}rooms/{Uri.EscapeDataString(roomId)}/state/org.example.mark/{key}", mark, body);
    }

    public static Request ToDevice(string userId, string deviceId)
    {
        var mark = NextMark();
        var body = Encoding.UTF8.GetBytes($$"""{"messages":{"{{userId}}":{"{{deviceId}}":{"mark":"{{mark}}"} } } }""");
        return new(Change.ToDevice, "", $"{Client}sendToDevice/org.example.mark/{mark}", mark, body);
    }

    /// <summary>Sends it; answers the event's id (empty for to-device messages). A refusal is a failure of the test.</summary>
    public string Send(HttpConnection connection)
    {
        var status = connection.Put(Path, Body);
        if (status != 200)
        {
            throw new LostException($"{Path} was answered {status}: {connection.BodyText}");
        }

        return Change == Change.ToDevice ? "" : JsonDocument.Parse(connection.BodyText).RootElement.GetProperty("event_id").GetString()!;
    }

    private static string NextMark() => $"mark-{Run}-{Interlocked.Increment(ref _last):d8}.";
}

/// <summary>A request that was answered 200.</summary>
internal sealed record Acknowledged(Request Request, string EventId);

/// <summary>A client that sends one request after another until the server is gone.</summary>
internal sealed class SendingClient(Account account, Func<Request> next)
{
    private volatile bool _wasAnswered;

    /// <summary>Answered 200 in this round.</summary>
    public List<Acknowledged> Kept { get; } = [];

    /// <summary>Sent, and cut off by the kill; null if there was none.</summary>
    public Request? CutOff { get; private set; }

    /// <summary>What went wrong other than the server's end.</summary>
    public LostException? Problem { get; private set; }

    /// <summary>Whether there was an answer in this round.</summary>
    public bool WasAnswered => _wasAnswered;

    public HttpConnection Connection => account.Connection;

    public Thread Start()
    {
        Kept.Clear();
        _wasAnswered = false;
        CutOff = null;
        var thread = new Thread(UntilTheEnd, maxStackSize: 256 * 1024);
        thread.Start();
        return thread;
    }

    /// <summary>
    /// What a client does when it comes back: the request that was cut off is made again, with its transaction id.
    /// State has none: whether it was set is seen from the state.
    /// </summary>
    public void SendsAgain()
    {
        if (CutOff is { Change: not Change.State } request)
        {
            Kept.Add(new(request, request.Send(Connection)));
        }
    }

    /// <summary>What was acknowledged in this round and the server does not have now, a line each.</summary>
    public IEnumerable<string> Lost()
    {
        foreach (var kept in Kept)
        {
            var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(kept.Request.RoomId)}/event/{Uri.EscapeDataString(kept.EventId)}";
            if (Connection.Get(path) != 200)
            {
                yield return $"{kept.EventId} was acknowledged and is gone: {Connection.BodyText}";
            }
        }
    }

    private void UntilTheEnd()
    {
        while (true)
        {
            var request = next();
            try
            {
                Kept.Add(new(request, request.Send(Connection)));
                _wasAnswered = true;
            }
            catch (Exception end) when (end is System.Net.Sockets.SocketException or IOException)
            {
                CutOff = request;
                return;
            }
            catch (LostException problem)
            {
                Problem = problem;
                return;
            }
        }
    }
}
