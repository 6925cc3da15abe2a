using System.Text.Json;

namespace Matrix.Durability.Receivers;

/// <summary>An application service that wants the events of all rooms, and records its transactions.</summary>
internal sealed class Service : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _transactions = [];
    private readonly Dictionary<string, List<string>> _rooms = [];
    private readonly List<string> _problems = [];
    private Receiver _receiver = null!;

    private Service()
    {
    }

    public static async Task<Service> StartAsync()
    {
        var service = new Service();
        service._receiver = await Receiver.StartAsync(isTls: false, service.Take);
        return service;
    }

    /// <summary>Writes its registration into a folder, and returns the file.</summary>
    public string Register(string folder)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "service.yaml");
        File.WriteAllText(file, $"""
            id: service
            url: {_receiver.Url}
            as_token: as-token
            hs_token: hs-token
            sender_localpart: _service
            namespaces:
              rooms:
                - exclusive: false
                  regex: "!.*"
            """);
        return file;
    }

    /// <summary>Whether it got an event.</summary>
    public bool Has(string roomId, string eventId)
    {
        lock (_gate) return _rooms.GetValueOrDefault(roomId)?.Contains(eventId) == true;
    }

    /// <summary>
    /// What is wrong with what came: a transaction with two bodies, an event in two transactions, or events of a room
    /// that are not those of its timeline, in its order.
    /// </summary>
    /// <param name="roomId">The room.</param>
    /// <param name="timeline">The last events of the room, in order.</param>
    public IReadOnlyList<string> Problems(string roomId, IReadOnlyList<string> timeline)
    {
        lock (_gate)
        {
            var problems = _problems.ToList();
            _problems.Clear();
            var came = _rooms.GetValueOrDefault(roomId) ?? [];
            var last = came.Skip(Math.Max(0, came.Count - timeline.Count));
            if (!last.SequenceEqual(timeline))
            {
                var lost = timeline.Except(came).ToArray();
                problems.Add(lost.Length > 0
                    ? $"the service did not get {lost.Length} events of {roomId}, the first of them {lost[0]}"
                    : $"the service got the events of {roomId} in another order or more than once");
            }

            return problems;
        }
    }

    public ValueTask DisposeAsync() => _receiver.DisposeAsync();

    private string Take(string path, string body)
    {
        lock (_gate)
        {
            if (!path.Contains("/transactions/", StringComparison.Ordinal)) return "{}";
            if (!_transactions.TryAdd(path, body))
            {
                if (_transactions[path] != body) _problems.Add($"{path} came again with another body");
                return "{}";
            }

            using var json = JsonDocument.Parse(body);
            foreach (var item in json.RootElement.GetProperty("events").EnumerateArray())
            {
                var roomId = item.GetProperty("room_id").GetString()!;
                if (!_rooms.TryGetValue(roomId, out var events)) _rooms[roomId] = events = [];
                events.Add(item.GetProperty("event_id").GetString()!);
            }

            return "{}";
        }
    }
}
