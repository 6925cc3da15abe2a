using System.Text;

namespace Matrix.Durability.PowerLoss;

/// <summary>A 200 with a new event's id, and the tick at which the server began to send it.</summary>
internal sealed record Answer(string EventId, ulong At);

/// <summary>Finds the responses to sends in a recording.</summary>
internal static class Answers
{
    private static ReadOnlySpan<byte> Ok => "HTTP/1.1 200"u8;

    private static ReadOnlySpan<byte> Start => "\r\n\r\n{\"event_id\":\""u8;

    public static IReadOnlyList<Answer> In(Recording recording)
    {
        var found = new List<Answer>();
        foreach (var call in recording.Calls.Where(c => c.Kind == RecordKind.Sent))
        {
            var text = call.Data.Span;
            var body = text.IndexOf(Start);
            if (!text.StartsWith(Ok) || body < 0)
            {
                continue;
            }

            var id = text[(body + Start.Length)..];
            found.Add(new Answer(Encoding.UTF8.GetString(id[..id.IndexOf((byte)'"')]), call.Begin));
        }

        return found;
    }
}
