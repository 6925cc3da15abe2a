using Matrix.Processes;
using static Matrix.ClusterFaults.Load.Person;

namespace Matrix.ClusterFaults.Load;

/// <summary>
/// Writes one thing after another, and repeats each with its transaction id until it is acknowledged.
/// </summary>
internal sealed class Writer(
    Person person, IReadOnlyList<string> rooms, IReadOnlyList<Person> readers, Acknowledged acknowledged, int seed)
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan _pauseOfVisitor = TimeSpan.FromMilliseconds(400);
    private static readonly string _run = Guid.NewGuid().ToString("n")[..8];
    private static long _last;

    private readonly Random _random = new(seed);

    /// <summary>What the server did wrong; null for nothing.</summary>
    public string? Problem { get; private set; }

    /// <summary>How much of what it wrote is acknowledged.</summary>
    public int Written { get; private set; }

    /// <summary>A text that no other request has.</summary>
    public static string NextMark() => $"mark-{_run}-{Interlocked.Increment(ref _last):d8}";

    /// <summary>Whether the user is of another server: one that sends messages now and then.</summary>
    public bool IsVisitor { get; init; }

    /// <summary>Writes until it is stopped. What it has begun is acknowledged then.</summary>
    public async Task WriteAsync(CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                await WriteOneAsync();
                Written++;
                await Task.Delay(IsVisitor ? _pauseOfVisitor : _pause, CancellationToken.None);
            }
        }
        catch (LostException problem)
        {
            Problem = problem.Message;
        }
    }

    private Task WriteOneAsync() => (IsVisitor ? int.MaxValue : _random.Next(10)) switch
    {
        0 => SetStateAsync(rooms[_random.Next(rooms.Count)]),
        1 => SendToDeviceAsync(readers[_random.Next(readers.Count)]),
        2 => SetAccountDataAsync(),
        _ => SayAsync(rooms[_random.Next(rooms.Count)]),
    };

    private async Task SayAsync(string room)
    {
        var mark = NextMark();
        acknowledged.Messages.Enqueue(new SentEvent(room, mark, await person.SayAsync(room, mark)));
    }

    private async Task SetStateAsync(string room)
    {
        var mark = NextMark();
        var (answer, unknown) = await person.UntilAnsweredAsync(
            HttpMethod.Put, $"rooms/{Esc(room)}/state/org.example.mark/{Esc(person.UserId)}", new { mark });
        acknowledged.StateEvents.Enqueue(new SentEvent(room, mark, answer.GetProperty("event_id").GetString()!));
        acknowledged.States.GetOrAdd((room, person.UserId), static _ => new LastValue()).Set(mark, unknown);
    }

    private async Task SendToDeviceAsync(Person to)
    {
        var mark = NextMark();
        var messages = new Dictionary<string, object>
        {
            [to.UserId] = new Dictionary<string, object> { [to.DeviceId] = new { mark } },
        };
        await person.UntilAnsweredAsync(HttpMethod.Put, $"sendToDevice/org.example.mark/{mark}", new { messages });
        acknowledged.ToDevice.Enqueue((to.UserId, mark));
    }

    private async Task SetAccountDataAsync()
    {
        var mark = NextMark();
        var (_, unknown) = await person.UntilAnsweredAsync(
            HttpMethod.Put, $"user/{Esc(person.UserId)}/account_data/org.example.mark", new { mark });
        acknowledged.AccountData.GetOrAdd(person.UserId, static _ => new LastValue()).Set(mark, unknown);
    }
}
