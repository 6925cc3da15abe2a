using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.Kill;

/// <summary>What a request changes, for the checks afterwards.</summary>
internal enum Change
{
    /// <summary>A message in a room.</summary>
    Message,

    /// <summary>A state event in a room, with the client's own state key.</summary>
    State,

    /// <summary>A message to the observer's device.</summary>
    ToDevice,

    /// <summary>An upload; its id is the content's URI.</summary>
    Upload,
}

/// <summary>A repeatable request: its path has a transaction id. A state event is identified by its content.</summary>
/// <param name="Change">What it changes.</param>
/// <param name="RoomId">The room; empty for to-device messages.</param>
/// <param name="Path">Its path.</param>
/// <param name="Mark">A string that only this request's content has.</param>
internal sealed record Request(Change Change, string RoomId, string Path, string Mark, byte[] Body)
{
    private const string Client = "/_matrix/client/v3/";
    private const int UploadLength = 100_000;
    private static readonly string Run = Guid.NewGuid().ToString("n")[..8];
    private static long _last;

    public static Request Message(string roomId)
    {
        var mark = NextMark();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { msgtype = "m.text", body = mark });
        return new(
            Change.Message, roomId, $"{Client}rooms/{Uri.EscapeDataString(roomId)}/send/m.room.message/{mark}", mark,
            body);
    }

    public static Request State(string roomId, string key)
    {
        var mark = NextMark();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { mark });
        return new(
            Change.State, roomId, $"{Client}rooms/{Uri.EscapeDataString(roomId)}/state/org.example.mark/{key}", mark,
            body);
    }

    public static Request ToDevice(string userId, string deviceId)
    {
        var mark = NextMark();
        var body = Encoding.UTF8.GetBytes($$"""{"messages":{"{{userId}}":{"{{deviceId}}":{"mark":"{{mark}}"} } } }""");
        return new(Change.ToDevice, "", $"{Client}sendToDevice/org.example.mark/{mark}", mark, body);
    }

    public static Request Upload()
    {
        var mark = NextMark();
        var body = new byte[UploadLength];
        Random.Shared.NextBytes(body);
        return new(Change.Upload, "", $"/_matrix/media/v3/upload?filename={mark}", mark, body);
    }

    /// <summary>
    /// Sends the request; returns the event's id (empty for to-device messages) or the URI, or fails the test.
    /// </summary>
    public string Send(HttpConnection connection)
    {
        var status = Change == Change.Upload ? connection.Post(Path, Body) : connection.Put(Path, Body);
        if (status != 200)
        {
            throw new LostException($"{Path} returned {status}: {connection.BodyText}");
        }

        return Change == Change.ToDevice ? "" : JsonDocument.Parse(connection.BodyText)
            .RootElement.GetProperty(Change == Change.Upload ? "content_uri" : "event_id").GetString()!;
    }

    private static string NextMark() => $"mark-{Run}-{Interlocked.Increment(ref _last):d8}.";
}

/// <summary>A request that was answered 200.</summary>
internal sealed record Acknowledged(Request Request, string EventId);

/// <summary>A client that sends one request after another until the server is gone.</summary>
internal sealed class SendingClient(Account account, Func<Request> next)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private volatile int _answers;

    /// <summary>Requests that were answered 200 in this round.</summary>
    public List<Acknowledged> Kept { get; } = [];

    /// <summary>The request that the kill cut off; null if there was none.</summary>
    public Request? CutOff { get; private set; }

    /// <summary>Problems other than the server's end.</summary>
    public LostException? Problem { get; private set; }

    /// <summary>How many requests were answered 200 in this round, for other threads.</summary>
    public int Answers => _answers;

    public HttpConnection Connection => account.Connection;

    /// <summary>Waits until something holds for the clients' answers: the disk may take a while.</summary>
    public static async Task UntilAsync(Func<bool> holds)
    {
        for (var patience = Stopwatch.StartNew(); !holds(); await Task.Delay(5))
        {
            if (patience.Elapsed > Patience)
            {
                throw new LostException($"Too little was acknowledged in {Patience.TotalSeconds} s.");
            }
        }
    }

    public Thread Start()
    {
        Kept.Clear();
        _answers = 0;
        CutOff = null;
        var thread = new Thread(UntilTheEnd, maxStackSize: 256 * 1024);
        thread.Start();
        return thread;
    }

    /// <summary>
    /// Repeats the request that was cut off, with its transaction id. A state event has none: the room's state shows
    /// whether it was set. An upload has none either.
    /// </summary>
    public void SendsAgain()
    {
        if (CutOff is { Change: not (Change.State or Change.Upload) } request)
        {
            Kept.Add(new(request, request.Send(Connection)));
        }
    }

    /// <summary>Events that were acknowledged in this round and are missing now, a line each.</summary>
    public IEnumerable<string> Lost()
    {
        foreach (var kept in Kept)
        {
            var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(kept.Request.RoomId)}"
                + $"/event/{Uri.EscapeDataString(kept.EventId)}";
            if (Connection.Get(path) != 200)
            {
                yield return $"{kept.EventId} was acknowledged and is missing: {Connection.BodyText}";
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
                _answers = Kept.Count;
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
