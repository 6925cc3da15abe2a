using System.Buffers.Binary;

namespace Matrix.Durability.PowerLoss;

/// <summary>
/// Each 200 comes after a completed sync that began after the event's bytes were written. An event is recognised by the
/// 32 bytes of its id in its row.
/// </summary>
internal static class SyncedFirst
{
    public static IReadOnlyList<string> Problems(Recording recording, IReadOnlyList<Answer> answers)
    {
        var wanted = answers.ToDictionary(
            a => BinaryPrimitives.ReadUInt64LittleEndian(IdBytes(a.EventId)), a => a.EventId);
        var written = FirstWrites(recording, wanted);
        var syncs = recording.Calls.Where(c => c.Kind == RecordKind.Synced).GroupBy(c => c.File)
            .ToDictionary(g => g.Key, g => g.ToList());

        var problems = new List<string>();
        foreach (var answer in answers)
        {
            if (!written.TryGetValue(answer.EventId, out var write) || write.Begin > answer.At)
            {
                problems.Add($"{answer.EventId} was answered and had not been written");
            }
            else if (!syncs.TryGetValue(write.File, out var ofFile)
                || !ofFile.Any(s => s.Begin > write.End && s.End < answer.At))
            {
                problems.Add(
                    $"{answer.EventId} was answered at {answer.At}, but not synced after its write at {write.End}");
            }
        }

        return problems;
    }

    private static byte[] IdBytes(string eventId)
    {
        var text = eventId[1..].Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
    }

    private static Dictionary<string, Call> FirstWrites(Recording recording, Dictionary<ulong, string> wanted)
    {
        var found = new Dictionary<string, Call>();
        foreach (var call in recording.Calls.Where(c => c.Kind == RecordKind.Wrote))
        {
            var data = call.Data.Span;
            for (var i = 0; i + 32 <= data.Length; i++)
            {
                if (wanted.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(data[i..]), out var eventId)
                    && !found.ContainsKey(eventId)
                    && data.Slice(i, 32).SequenceEqual(IdBytes(eventId)))
                {
                    found.Add(eventId, call);
                }
            }
        }

        return found;
    }
}
