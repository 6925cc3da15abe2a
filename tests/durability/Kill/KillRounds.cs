using System.Diagnostics;
using System.Text.Json;
using Matrix.Durability.Receivers;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;
using Matrix.Processes.Network;

namespace Matrix.Durability.Kill;

/// <summary>
/// Twenty clients send, the server is killed at a random instant and starts again, and the test checks everything that
/// it had acknowledged, what it owed to a push gateway and to an application service, and what was uploaded. The rounds
/// share one database.
/// </summary>
internal sealed class KillRounds : IAsyncDisposable
{
    private const int Clients = 20;
    private const int Rooms = 4;

    /// <summary>The room of which a user gets pushes.</summary>
    private const int Pushed = 4;

    private const int PushedClient = 4;
    private const int UploadingClient = 5;

    // What the observer's timelines leave out then has several pages in each room.
    private const int AnswersForAGap = 250 * Rooms;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly HomeserverProcess _server;
    private readonly Random _random;
    private readonly List<SendingClient> _clients = [];
    private readonly List<string> _rooms = [];
    private readonly Dictionary<string, List<string>> _timelines = [];
    private readonly Uploads _uploads;
    private Observer _observer = null!;
    private PushGateway _gateway = null!;
    private Service _service = null!;

    /// <param name="databaseUrl">As in the configuration; null for SQLite in the data folder.</param>
    /// <param name="seed">Decides the instants.</param>
    public KillRounds(string? databaseUrl, int seed)
    {
        _server = new HomeserverProcess(databaseUrl);
        _random = new Random(seed);
        _uploads = new Uploads(Path.Combine(_server.DataFolder, "media"));
    }

    public async Task PrepareAsync()
    {
        _gateway = await PushGateway.StartAsync();
        _service = await Service.StartAsync();
        _server.Settings["MATRIX_FEDERATION__CUSTOM_CA"] = TestCa.Shared.RootFile;
        _server.Settings["MATRIX_PUSH__ALLOW_NETWORKS"] = "127.0.0.0/8";
        _server.Settings["MATRIX_PUSH__WAITING_PUSHES"] = "100000";
        _server.Settings["MATRIX_APP_SERVICES__FILES"] = _service.Register(_server.Folder);
        await _server.StartAsync();
        var population = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(_server.Url), _server.Secret, [], _server.ProcessId,
            DataFolder: null));
        var accounts = population.First(Clients + 2);
        for (var i = 0; i < Rooms + 1; i++)
        {
            var roomId = accounts[0].CreateRoom($"room {i}");
            _rooms.Add(roomId);
            accounts[0].SetState(Uri.EscapeDataString(roomId), "m.room.power_levels", "", """{"state_default":0}"""u8);
            foreach (var account in accounts.Skip(1).Take(i == Pushed ? Clients + 1 : Clients))
            {
                account.Join(roomId);
            }
        }

        SetPusher(accounts[^1]);

        _observer = new Observer(accounts[Clients]);
        var device = DeviceOf(accounts[Clients]);
        for (var i = 0; i < Clients; i++)
        {
            _clients.Add(new SendingClient(accounts[i], NextOf(i, device)));
        }

        _observer.CatchUp();
    }

    public async ValueTask DisposeAsync()
    {
        _server.Dispose();
        await _gateway.DisposeAsync();
        await _service.DisposeAsync();
    }

    /// <summary>One round, killed at a random instant after the first response.</summary>
    public Task RoundAsync() => RoundAsync(async () =>
    {
        var watching = _observer.Start();
        // An earlier kill would test nothing.
        await SendingClient.UntilAsync(() => _clients.Exists(client => client.Answers > 0));
        await Task.Delay(_random.Next(150, 1200));
        return watching;
    });

    /// <summary>One round, killed while the syncing client fetches what a limited timeline left out.</summary>
    public Task AmidAGapAsync() => RoundAsync(async () =>
    {
        await SendingClient.UntilAsync(() => _clients.Sum(client => client.Answers) >= AnswersForAGap);
        return await _observer.StartAndReachAGapAsync();
    });

    private async Task RoundAsync(Func<Task<Thread>> untilTheKill)
    {
        _observer.BeginRound();
        _gateway.Forget();
        var begin = _observer.Tokens[^1];
        var threads = _clients.Select(c => c.Start()).ToList();
        var watching = await untilTheKill();
        await _server.KillAsync();
        threads.ForEach(t => t.Join());
        watching.Join();
        await _server.StartAsync();

        var problems = new List<string>();
        problems.AddRange(_clients.Where(c => c.Problem is not null).Select(c => c.Problem!.Message));
        CheckRepeats(problems);
        CheckTimelines(begin, problems);
        CheckObserver(problems);
        CheckStateAndMembers(problems);
        CheckOlderToken(problems);
        problems.AddRange(_uploads.Problems(_clients[UploadingClient]));
        await CheckPushesAsync(problems);
        await CheckServiceAsync(problems);
        LostException.ThrowIfAny(problems);
    }

    private Func<Request> NextOf(int client, string observersDevice) => client switch
    {
        0 => () => Request.ToDevice(_observer.UserId, observersDevice),
        1 or 2 or 3 => () => Request.State(_rooms[client], $"client-{client}"),
        PushedClient => () => Request.Message(_rooms[Pushed]),
        UploadingClient => Request.Upload,
        _ => () => Request.Message(_rooms[Random.Shared.Next(Rooms)]),
    };

    /// <summary>
    /// A repeated request gets the same event again; a request that was cut off succeeds when repeated.
    /// </summary>
    private void CheckRepeats(List<string> problems)
    {
        foreach (var client in _clients)
        {
            if (client.Kept.LastOrDefault() is { Request.Change: Change.Message or Change.ToDevice } last)
            {
                var again = last.Request.Send(client.Connection);
                if (again != last.EventId)
                {
                    problems.Add($"{last.Request.Mark} was {last.EventId}, and sent again it is {again}");
                }
            }

            client.SendsAgain();
        }
    }

    /// <summary>Every acknowledged event is in its room once, and no request took effect twice.</summary>
    private void CheckTimelines(string begin, List<string> problems)
    {
        var ids = new Dictionary<string, int>();
        var marks = new Dictionary<string, int>();
        foreach (var roomId in _rooms)
        {
            var timeline = _timelines[roomId] = [];
            for (string? token = begin; token is not null;)
            {
                using var page = Get($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(roomId)}/messages?dir=f&limit=500"
                    + $"&from={Uri.EscapeDataString(token)}");
                foreach (var item in page.RootElement.GetProperty("chunk").EnumerateArray())
                {
                    var id = item.GetProperty("event_id").GetString()!;
                    timeline.Add(id);
                    ids[id] = ids.GetValueOrDefault(id) + 1;
                    var content = item.GetProperty("content");
                    if (content.TryGetProperty("body", out var mark) || content.TryGetProperty("mark", out mark))
                    {
                        marks[mark.GetString()!] = marks.GetValueOrDefault(mark.GetString()!) + 1;
                    }
                }

                token = page.RootElement.TryGetProperty("end", out var end) ? end.GetString() : null;
            }
        }

        foreach (var kept in Acknowledged().Where(k => k.Request.Change != Change.ToDevice))
        {
            if (ids.GetValueOrDefault(kept.EventId) != 1)
            {
                problems.Add(
                    $"{kept.EventId} ({kept.Request.Mark}) is in its room {ids.GetValueOrDefault(kept.EventId)} times");
            }
        }

        problems.AddRange(marks.Where(m => m.Value != 1).Select(m => $"{m.Key} is in the rooms {m.Value} times"));
    }

    /// <summary>A client that syncs across the kill receives everything once.</summary>
    private void CheckObserver(List<string> problems)
    {
        _observer.CatchUp();
        foreach (var kept in Acknowledged())
        {
            var seen = kept.Request.Change == Change.ToDevice
                ? _observer.ToDevice.GetValueOrDefault(kept.Request.Mark)
                : _observer.Events.GetValueOrDefault(kept.EventId);
            if (seen != 1)
            {
                problems.Add(
                    $"the observer saw {kept.EventId} ({kept.Request.Mark}, {kept.Request.Change}) {seen} times");
            }
        }

        problems.AddRange(
            _observer.Events.Where(e => e.Value != 1).Select(e => $"the observer saw {e.Key} {e.Value} times"));
        problems.AddRange(
            _observer.ToDevice.Where(m => m.Value != 1).Select(m => $"the observer got {m.Key} {m.Value} times"));
    }

    private void CheckStateAndMembers(List<string> problems)
    {
        for (var i = 1; i <= 3; i++)
        {
            using var state = Get(
                $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(_rooms[i])}/state/org.example.mark/client-{i}");
            var mark = state.RootElement.GetProperty("mark").GetString();
            if (_clients[i].Kept.LastOrDefault() is { } last && last.Request.Mark != mark
                && _clients[i].CutOff?.Mark != mark)
            {
                problems.Add(
                    $"the state of client {i} is {mark} and not {last.Request.Mark}, which was acknowledged last");
            }
        }

        foreach (var roomId in _rooms)
        {
            using var members = Get($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(roomId)}/joined_members");
            var count = members.RootElement.GetProperty("joined").EnumerateObject().Count();
            if (count != Clients + (roomId == _rooms[Pushed] ? 2 : 1))
            {
                problems.Add($"{roomId} has {count} members");
            }
        }
    }

    /// <summary>Any earlier sync token works, not only the last one.</summary>
    private void CheckOlderToken(List<string> problems)
    {
        var token = _observer.Tokens[_random.Next(_observer.Tokens.Count)];
        var status = _observer.Connection.Get($"/_matrix/client/v3/sync?timeout=0&since={Uri.EscapeDataString(token)}");
        if (status != 200)
        {
            problems.Add($"sync from {token} returned {status}: {_observer.Connection.BodyText}");
        }
    }

    /// <summary>What was acknowledged was pushed, and nothing but a push that the kill cut off comes again.</summary>
    private async Task CheckPushesAsync(List<string> problems)
    {
        var sent = _clients[PushedClient].Kept.Select(kept => kept.EventId).ToArray();
        await PatientlyAsync(() => sent.All(_gateway.Pushed.ContainsKey));
        problems.AddRange(_gateway.Problems(sent));
    }

    /// <summary>The application service got what is in the timelines, in order and once.</summary>
    private async Task CheckServiceAsync(List<string> problems)
    {
        await PatientlyAsync(() => _timelines.All(
            room => room.Value.Count == 0 || _service.Has(room.Key, room.Value[^1])));
        foreach (var (roomId, timeline) in _timelines) problems.AddRange(_service.Problems(roomId, timeline));
    }

    /// <summary>Waits until something holds, or for long.</summary>
    private static async Task PatientlyAsync(Func<bool> holds)
    {
        for (var patience = Stopwatch.StartNew(); !holds() && patience.Elapsed < Patience; await Task.Delay(20))
        {
            // The checks afterwards say what is missing.
        }
    }

    /// <summary>What was acknowledged in rooms and to devices.</summary>
    private IEnumerable<Acknowledged> Acknowledged() =>
        _clients.SelectMany(client => client.Kept).Where(kept => kept.Request.Change != Change.Upload);

    private void SetPusher(Account account)
    {
        if (account.Connection.Post("/_matrix/client/v3/pushers/set", _gateway.Pusher()) != 200)
        {
            throw new LostException($"No pusher: {account.Connection.BodyText}");
        }
    }

    private static string DeviceOf(Account account)
    {
        account.Connection.Get("/_matrix/client/v3/account/whoami");
        return JsonDocument.Parse(account.Connection.BodyText).RootElement.GetProperty("device_id").GetString()!;
    }

    private JsonDocument Get(string path)
    {
        var status = _observer.Connection.Get(path);
        return status == 200
            ? JsonDocument.Parse(_observer.Connection.BodyText)
            : throw new LostException($"{path} returned {status}: {_observer.Connection.BodyText}");
    }
}
