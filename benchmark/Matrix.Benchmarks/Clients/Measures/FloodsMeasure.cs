using System.Net;
using System.Net.Sockets;
using System.Text;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// Floods of one user, with the limits of rates off: what is refused is refused by the limits of sizes and numbers.
/// Each prints what the server answered, the memory, and what the disk took.
/// </summary>
internal sealed class FloodsMeasure : IMeasure
{
    private const int Connections = 16;
    private const int ManyConnections = 100;
    private const double MemoryTarget = 400;
    private const int MostPushers = 100;
    private const int MostFilters = 1000;
    private const int MostUploads = 8;
    private const int MostPending = 20;

    private MeasureContext _bench = null!;
    private ClientServer _server = null!;
    private Account _user = null!;

    public string Name => "floods";

    public string Sentence => "floods of messages to devices, aliases, pushers, uploads, previews, filters and lists";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var registration = new ServiceRegistration(null, "@_load_.*");
        var settings = new Dictionary<string, string>(registration.Settings)
        {
            // Pages on this machine may be previewed, and their servers have two seconds.
            ["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8",
            ["MATRIX_MEDIA__PREVIEW_TIME"] = "2s",
        };
        using var server = await ClientServer.StartAsync(null, settings, stop);
        (_bench, _server, _user) = (bench, server, server.Population.First(1)[0]);
        ToDevice(server.Population.Fresh());
        Aliases();
        Run("10,000 pushers", MostPushers, 10_000, Connections, Pusher);
        Uploads();
        var page = $"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}/page-";
        Run("previews of a server that does not answer", null, 300, ManyConnections, (to, i) => to.BeginGet(
            $"/_matrix/client/v1/media/preview_url?url={Uri.EscapeDataString(page + i)}"));
        Filters();
        Lists();
        StillServes();
    }

    private void ToDevice(Account receiver)
    {
        var text = new string('a', 1000);
        var body = Encoding.UTF8.GetBytes(
            $$"""{"messages":{"{{receiver.UserId}}":{"*":{"text":"{{text}}"} } } }""");
        Run("100,000 messages of 1 KB to a device", null, 100_000, Connections, (to, i) => to.BeginPut(
            $"/_matrix/client/v3/sendToDevice/org.example.flood/{i}", body));
        receiver.Sync(null, 0);
        _bench.Add(Outcome.Reported(
            "floods: the receiver's next sync", receiver.Connection.Body.Length / 1024.0, "KiB"));
    }

    private void Aliases()
    {
        var body = Encoding.UTF8.GetBytes($$"""{"room_id":"{{_user.CreateRoom("many aliases")}}"}""");
        Run("10,000 aliases of a room", null, 10_000, Connections, (to, i) => to.BeginPut(
            $"/_matrix/client/v3/directory/room/{Uri.EscapeDataString($"#flood-{i}:hybrid.test")}", body));
    }

    private static void Pusher(HttpConnection to, int i) => to.BeginPost(
        "/_matrix/client/v3/pushers/set",
        Encoding.UTF8.GetBytes($$"""
            {"kind":"http","app_id":"org.example.flood","pushkey":"key-{{i}}","app_display_name":"a","lang":"en",
            "device_display_name":"d","append":true,"data":{"url":"https://push.example.org/_matrix/push/v1/notify"} }
            """));

    private void Uploads()
    {
        var flood = Flood.OfUnfinishedUploads(
            _server.Stage.Server, _user.AccessToken, ManyConnections, TimeSpan.FromSeconds(2));
        Report("uploads that do not go on", flood);
        _bench.Add(Outcome.AtMost(
            "floods: uploads that do not go on, at once", MostUploads, flood.Waiting, "uploads"));
        Run("media ids without an upload", MostPending, 1000, Connections, static (to, _) =>
            to.BeginPost("/_matrix/media/v1/create", "{}"u8));
        var large = new byte[(50 << 20) + 1];
        Run("uploads of more than 50 MiB", 0, 4, 2, (to, _) => to.BeginPost("/_matrix/media/v3/upload", large));
    }

    private void Filters()
    {
        var path = $"/_matrix/client/v3/user/{Uri.EscapeDataString(_user.UserId)}/filter";
        Run("5,000 filters", MostFilters, 5000, Connections, (to, i) => to.BeginPost(
            path, Encoding.UTF8.GetBytes($$"""{"room":{"timeline":{"limit":{{i + 1}} } } }""")));
        var rooms = string.Join(',', Enumerable.Range(0, 40_000).Select(i => $"\"!room-{i}:hybrid.test\""));
        var huge = Encoding.UTF8.GetBytes($$$"""{"room":{"rooms":[{{{rooms}}}]}}""");
        Run($"filters of {huge.Length >> 10} KiB", null, 40, Connections, (to, _) => to.BeginPost(path, huge));
    }

    private void Lists()
    {
        const string path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
        var required = string.Join(',', Enumerable.Range(0, 100).Select(i => $"[\"org.example.type-{i}\",\"*\"]"));
        var list = $$"""{"ranges":[[0,999999999]],"timeline_limit":1000000,"required_state":[{{required}}]}""";
        var lists = string.Join(',', Enumerable.Range(0, 200).Select(i => $"\"list-{i}\":{list}"));
        var body = Encoding.UTF8.GetBytes($$$"""{"lists":{ {{{lists}}} }}""");
        Run($"200 lists of sliding sync, {body.Length >> 10} KiB", null, 40, Connections, (to, _) =>
            to.BeginPost(path, body));
        var subscribed = string.Join(
            ',', Enumerable.Range(0, 10_000).Select(i => $"\"!room-{i}:hybrid.test\":{{\"timeline_limit\":1}}"));
        var rooms = Encoding.UTF8.GetBytes($$$"""{"room_subscriptions":{ {{{subscribed}}} }}""");
        Run($"10,000 subscriptions of sliding sync, {rooms.Length >> 10} KiB", null, 40, Connections, (to, _) =>
            to.BeginPost(path, rooms));
        Run("10,000 connections of sliding sync", null, 10_000, Connections, static (to, i) => to.BeginPost(
            path, Encoding.UTF8.GetBytes($$"""
                {"conn_id":"c{{i}}",
                "lists":{"a":{"ranges":[[0,19]],"timeline_limit":1,"required_state":[]} } }
                """)));
    }

    /// <summary>The server works as before for the next user.</summary>
    private void StillServes()
    {
        var next = _server.Population.Fresh();
        next.Send(Uri.EscapeDataString(next.CreateRoom("after the floods")));
        var errors = _server.Process.LoggedErrors(5);
        foreach (var error in errors) _bench.Say($"       floods: logged {error}");
        _bench.Add(Outcome.AtMost("floods: faults in the log", 0, errors.Count, "faults"));
        _bench.Add(Outcome.AtMost("floods: memory after all of them", MemoryTarget, _server.Megabytes, "MB"));
    }

    /// <param name="what">What is flooded.</param>
    /// <param name="most">The most requests that may succeed; null if there is no such limit.</param>
    /// <param name="count">The requests.</param>
    /// <param name="connections">The connections.</param>
    /// <param name="begin">Begins the request of a number.</param>
    private void Run(string what, int? most, int count, int connections, Action<HttpConnection, int> begin)
    {
        var before = Megabytes();
        var flood = Flood.Of(_server.Stage.Server, _user, Math.Min(connections, count), count, begin);
        Report(what, flood);
        _bench.Say($"       floods: the disk took {Megabytes() - before:0.0} MB");
        if (most is { } so) _bench.Add(Outcome.AtMost($"floods: {what}, accepted", so, flood.Accepted, ""));
        else _bench.Add(Outcome.Reported($"floods: {what}, accepted", flood.Accepted, ""));
    }

    private void Report(string what, Flood flood)
    {
        _bench.Say($"       floods: {what}: {flood}");
        _bench.Add(Outcome.AtMost($"floods: {what}, failures inside the server", 0, flood.Failed, ""));
        _bench.Add(Outcome.AtMost($"floods: {what}, memory", MemoryTarget, _server.Megabytes, "MB"));
    }

    /// <summary>The size of the server's data.</summary>
    private double Megabytes() => new DirectoryInfo(_server.Process.DataFolder)
        .EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) / 1e6;
}
