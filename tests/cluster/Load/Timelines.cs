using System.Text.Json;
using static Matrix.ClusterFaults.Load.Person;

namespace Matrix.ClusterFaults.Load;

/// <summary>
/// The events of rooms as one reader got them, in order. Only those that the load sends count; the others are known
/// too, so that what a limited timeline left out is fetched back to what was there before.
/// </summary>
internal sealed class Timelines(Person person)
{
    private readonly Dictionary<string, List<string>> _events = [];

    /// <summary>The answer in which each event came.</summary>
    private readonly Dictionary<string, string> _known = [];
    private readonly List<string> _problems = [];

    public IReadOnlyCollection<string> Problems => _problems;

    public IReadOnlyList<string> Of(string room) => _events.GetValueOrDefault(room) ?? [];

    public bool Has(string eventId)
    {
        lock (_known) return _known.ContainsKey(eventId);
    }

    /// <summary>Notes what was there before the load.</summary>
    public void Skip(JsonElement events)
    {
        lock (_known)
        {
            foreach (var item in events.EnumerateArray()) _known[IdOf(item)] = "the first";
        }
    }

    /// <summary>Appends the events of a timeline.</summary>
    /// <param name="answer">The answer that has it, for problems.</param>
    /// <param name="mayRepeat">Whether it may have events that came before, as after a new connection.</param>
    public async Task AppendAsync(
        string room, JsonElement timeline, bool isLimited, string? from, string answer, bool mayRepeat)
    {
        List<JsonElement> all = [.. timeline.EnumerateArray()];
        if (isLimited && from is not null && !all.Exists(item => Has(IdOf(item))))
            all.InsertRange(0, await LeftOutAsync(room, from));

        foreach (var item in all)
        {
            var id = IdOf(item);
            string? before;
            lock (_known)
            {
                before = _known.GetValueOrDefault(id);
                if (before is null) _known[id] = answer;
            }

            if (before is not null)
            {
                if (!mayRepeat)
                {
                    _problems.Add($"{person.UserId} got {id} in {room} again: in {answer}, and before in {before}");
                }

                continue;
            }

            if (!IsOfLoad(item)) continue;
            if (!_events.TryGetValue(room, out var events)) _events[room] = events = [];
            events.Add(id);
        }
    }

    public void Add(string problem) => _problems.Add(problem);

    /// <summary>Whether the load sent an event.</summary>
    public static bool IsOfLoad(JsonElement item) =>
        item.GetProperty("type").GetString() is "m.room.message" or "org.example.mark";

    public static string IdOf(JsonElement item) => item.GetProperty("event_id").GetString()!;

    private async Task<List<JsonElement>> LeftOutAsync(string room, string from)
    {
        var found = new List<JsonElement>();
        for (string? token = from; token is not null;)
        {
            var page = await person.ReadAsync($"rooms/{Esc(room)}/messages?dir=b&limit=100&from={Esc(token)}");
            foreach (var item in page.GetProperty("chunk").EnumerateArray())
            {
                if (Has(IdOf(item)))
                {
                    found.Reverse();
                    return found;
                }

                found.Add(item);
            }

            token = page.TryGetProperty("end", out var end) ? end.GetString() : null;
        }

        found.Reverse();
        return found;
    }
}
